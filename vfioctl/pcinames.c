/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/pcinames.h"

#include "libvfiodma/vfiodma.h"
#include "vfioctl/failure.h"
#include "vfioctl/terminal.h"

#include <ctype.h>
#include <errno.h>
#include <pci/pci.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOKUP_FLAGS (PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB)

struct pcinames {
	struct pci_access *access;
};

/* libpci calls this for a database that it cannot parse, and must not get back. */
static void __attribute__((noreturn, format(printf, 1, 2))) cannot_read(char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	why[strcspn(why, "\n")] = '\0';
	exit(failure_say(STATUS_FAILED, "cannot read the PCI id database: %s; install it anew", why));
}

int pcinames_open(const char *path, struct pcinames **names)
{
	struct pcinames *made = calloc(1, sizeof(*made));
	char *copy = path ? strdup(path) : NULL;

	if (made)
		made->access = pci_alloc();
	if (!made || !made->access || (path && !copy)) {
		free(copy);
		pcinames_close(made);
		return -ENOMEM;
	}
	made->access->error = cannot_read;
	made->access->id_lookup_mode = 0; /* not the cache of names from the network */
	if (copy)
		pci_set_name_list_path(made->access, copy, 1);
	*names = made;
	return 0;
}

void pcinames_close(struct pcinames *names)
{
	if (!names)
		return;
	if (names->access)
		pci_cleanup(names->access);
	free(names);
}

/* libpci returns NULL for what it does not know. */
#define LOOKUP(names, field, what, ...) \
	keep(field, pci_lookup_name((names)->access, field, sizeof(field), LOOKUP_FLAGS | (what), __VA_ARGS__))

static void keep(char *field, const char *name)
{
	if (!name)
		*field = '\0';
	terminal_clean(field, true);
}

void pcinames_lookup(struct pcinames *names, const struct vfiodma_info *info, struct pcinames_text *text)
{
	int class_id = (int)(info->class_code >> 8), interface = (int)(info->class_code & 0xff);

	LOOKUP(names, text->vendor, PCI_LOOKUP_VENDOR, info->vendor);
	LOOKUP(names, text->device, PCI_LOOKUP_DEVICE, info->vendor, info->device);
	LOOKUP(names, text->subsystem_vendor, PCI_LOOKUP_SUBSYSTEM | PCI_LOOKUP_VENDOR, info->subsystem_vendor);
	LOOKUP(names, text->subsystem, PCI_LOOKUP_SUBSYSTEM | PCI_LOOKUP_DEVICE, info->vendor, info->device,
	       info->subsystem_vendor, info->subsystem_device);
	LOOKUP(names, text->class_name, PCI_LOOKUP_CLASS, class_id);
	LOOKUP(names, text->interface, PCI_LOOKUP_PROGIF, class_id, interface);
}

/* The length of a company's name without its legal form: "Red Hat" of "Red Hat, Inc.", "Intel" of "Intel Corp". */
static size_t brief_length(const char *vendor)
{
	static const char *const forms[] = { "Corporation", "Corp", "Inc",  "Incorporated", "Co",  "Ltd",
					     "Limited",	    "LLC",  "GmbH", "AG",	    "B.V", "Pte" };
	const char *at;
	size_t i;

	for (at = strchr(vendor, ' '); at; at = strchr(at + 1, ' ')) {
		for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
			size_t length = strlen(forms[i]);

			if (!strncmp(at + 1, forms[i], length) && !isalnum((unsigned char)at[1 + length]))
				return (size_t)(at - vendor) - (at > vendor && at[-1] == ',');
		}
	}
	return strlen(vendor);
}

/* The short form that the database has in brackets at the end, "AMD/ATI", or else the name without its legal form. */
static void print_brief_vendor(const char *vendor, char *brief, size_t size)
{
	const char *open = strrchr(vendor, '['), *close = open ? strchr(open, ']') : NULL;

	if (close && !close[1] && close > open + 1)
		snprintf(brief, size, "%.*s", (int)(close - open - 1), open + 1);
	else
		snprintf(brief, size, "%.*s", (int)brief_length(vendor), vendor);
}

const char *pcinames_device(const struct pcinames_text *text, const struct vfiodma_info *info, bool brief, char *title,
			    size_t size)
{
	char vendor[sizeof(text->vendor)];

	if (brief)
		print_brief_vendor(text->vendor, vendor, sizeof(vendor));
	else
		snprintf(vendor, sizeof(vendor), "%s", text->vendor);
	if (*text->device)
		snprintf(title, size, "%s %s", vendor, text->device);
	else if (*vendor)
		snprintf(title, size, "%s Device %04x", vendor, info->device);
	else
		snprintf(title, size, "Device %04x:%04x", info->vendor, info->device);
	return title;
}

/* One word for a class, mostly for its base class alone (PCI Code and ID Assignment 1.11 §1). */
static const char *class_word(unsigned int class_id)
{
	static const char *const words[] = {
		"other",   "storage",	"network", "display", "media",	     "memory",	   "bridge",
		"serial",  "system",	"input",   "docking", "processor",   "bus",	   "wireless",
		"control", "satellite", "crypto",  "signal",  "accelerator", "instrument",
	};
	unsigned int base = class_id >> 8;

	if (class_id == 0x0c03)
		return "USB";
	if (base == 0x40)
		return "coprocessor";
	return base < sizeof(words) / sizeof(*words) ? words[base] : "other";
}

const char *pcinames_class(const struct pcinames_text *text, const struct vfiodma_info *info, bool brief, char *title,
			   size_t size)
{
	if (brief)
		snprintf(title, size, "%s", class_word(info->class_code >> 8));
	else if (*text->class_name)
		snprintf(title, size, "%s", text->class_name);
	else
		snprintf(title, size, "Class %04x", info->class_code >> 8);
	return title;
}
