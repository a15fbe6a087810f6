/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libpcicfg/pcicfg_people.h"
#include "vfioctl/command.h"
#include "vfioctl/inventory.h"
#include "vfioctl/json.h"
#include "vfioctl/terminal.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

/* A config space, and its model. */
struct view {
	struct pcicfg_dump dump;
	struct pcicfg cfg;
	struct pcicfg_found found[PCICFG_FOUND_MAX];
	int found_count;
	struct terminal terminal;
};

/* What a bit is to the user, at a glance. */
static const enum tone condition_tone[PCICFG_CONDITIONS] = {
	[PCICFG_HIDDEN] = TONE_FAINT, [PCICFG_FIXED] = TONE_STRONG, [PCICFG_READ_ONLY] = TONE_PLAIN,
	[PCICFG_VIRTUAL] = TONE_BUSY, [PCICFG_PASSED] = TONE_GOOD,
};

/* ---- values ---- */

static uint32_t hardware_value(const struct view *view, uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	pcicfg_dump_hw.read((void *)&view->dump, offset, width, &value);
	return value;
}

static uint32_t user_value(const struct view *view, uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	pcicfg_read(&view->cfg, offset, width, &value); /* of a recording: it cannot fail */
	return value;
}

/* The conditions of the bits of a register, and the one that says most of it. */
static enum pcicfg_condition conditions(const struct view *view, uint16_t offset, unsigned int width,
					uint32_t masks[PCICFG_CONDITIONS])
{
	uint32_t bits = width == 4 ? ~0u : (1u << 8 * width) - 1;
	enum pcicfg_condition most = PCICFG_HIDDEN;
	int i;

	pcicfg_conditions(&view->cfg, offset, masks);
	for (i = 0; i < PCICFG_CONDITIONS; i++) {
		masks[i] = masks[i] >> 8 * (offset & 3) & bits;
		if (masks[i])
			most = (enum pcicfg_condition)i;
	}
	return most;
}

/* ---- as bytes ---- */

static void print_byte(const struct view *view, uint16_t offset, bool user, FILE *out)
{
	uint32_t masks[PCICFG_CONDITIONS];
	enum tone tone = condition_tone[conditions(view, offset, 1, masks)];

	fprintf(out, " %s%02x%s", terminal_tone_on(&view->terminal, tone),
		user ? user_value(view, offset, 1) : hardware_value(view, offset, 1),
		terminal_tone_off(&view->terminal, tone));
}

static void print_bytes(const struct view *view, bool user, FILE *out)
{
	unsigned int line, i;

	for (line = 0; line < view->dump.size; line += 16) {
		fprintf(out, "%02x:", line);
		for (i = 0; i < 16; i++)
			print_byte(view, (uint16_t)(line + i), user, out);
		fputc('\n', out);
	}
}

static void print_differences(const struct view *view, FILE *out)
{
	unsigned int line, i;

	for (line = 0; line < view->dump.size; line += 16) {
		for (i = 0; i < 16 &&
			    hardware_value(view, (uint16_t)(line + i), 1) == user_value(view, (uint16_t)(line + i), 1);)
			i++;
		if (i == 16)
			continue;
		fprintf(out, "%03x hardware", line);
		for (i = 0; i < 16; i++)
			print_byte(view, (uint16_t)(line + i), false, out);
		fprintf(out, "\n    user    ");
		for (i = 0; i < 16; i++)
			print_byte(view, (uint16_t)(line + i), true, out);
		fputc('\n', out);
	}
}

/* ---- as registers ---- */

static unsigned int field_value(uint32_t value, uint32_t mask)
{
	return (value & mask) / (mask & -mask);
}

static bool is_flag(uint32_t mask)
{
	return !(mask & (mask - 1));
}

static void print_fields(const struct pcicfg_register *reg, uint32_t value, FILE *out)
{
	const struct pcicfg_field *field;

	for (field = reg->field; field->mask; field++) {
		if (is_flag(field->mask))
			fprintf(out, " %s%c", field->name, value & field->mask ? '+' : '-');
		else if (__builtin_popcount(field->mask) >= 16) /* an id */
			fprintf(out, " %s=%04x", field->name, field_value(value, field->mask));
		else
			fprintf(out, " %s=%u", field->name, field_value(value, field->mask));
	}
}

static void print_conditions(const struct view *view, const uint32_t masks[PCICFG_CONDITIONS], unsigned int width,
			     FILE *out)
{
	const char *separator = "";
	int i;

	for (i = PCICFG_CONDITIONS - 1; i >= 0; i--) {
		enum tone tone = condition_tone[i];

		if (!masks[i])
			continue;
		fprintf(out, "%s%s%s %0*" PRIx32 "%s", separator, terminal_tone_on(&view->terminal, tone),
			pcicfg_condition_name((enum pcicfg_condition)i), (int)(2 * width), masks[i],
			terminal_tone_off(&view->terminal, tone));
		separator = ", ";
	}
}

static void print_register(const struct view *view, uint16_t base, const struct pcicfg_register *reg, FILE *out)
{
	uint16_t offset = (uint16_t)(base + reg->offset);
	uint32_t hardware = hardware_value(view, offset, reg->width), user = user_value(view, offset, reg->width);
	uint32_t masks[PCICFG_CONDITIONS];
	enum pcicfg_condition condition = conditions(view, offset, reg->width, masks);
	enum tone tone = condition_tone[condition];
	int digits = 2 * reg->width;

	fprintf(out, "  %03x  %-28s %s%*s%0*" PRIx32 "%s", offset, reg->name, terminal_tone_on(&view->terminal, tone),
		8 - digits, "", digits, hardware, terminal_tone_off(&view->terminal, tone));
	if (hardware != user)
		fprintf(out, " -> %s%0*" PRIx32 "%s", terminal_tone_on(&view->terminal, tone), digits, user,
			terminal_tone_off(&view->terminal, tone));
	else
		fprintf(out, "    %*s", digits, "");
	fprintf(out, "%*s  ", 8 - digits, "");
	print_conditions(view, masks, reg->width, out);
	if (reg->field[0].mask) {
		fprintf(out, "\n       ");
		print_fields(reg, condition == PCICFG_HIDDEN ? hardware : user, out);
	}
	fputc('\n', out);
}

/* Where the last register of a capability that has a name ends; its header has one always. */
static unsigned int end_of_names(const struct pcicfg_found *found)
{
	const struct pcicfg_register *last;

	if (!found->register_count)
		return found->offset;
	last = &found->registers[found->register_count - 1];
	return (found->offset + last->offset + last->width + 3u) & ~3u;
}

/* What of a capability has no name: the hardware's bytes, but for lines of zeros. */
static void print_nameless(const struct view *view, const struct pcicfg_found *found, FILE *out)
{
	unsigned int last = found->offset + found->length, line, i;

	for (line = end_of_names(found); line < last; line += 16) {
		unsigned int end = last < line + 16 ? last : line + 16;
		bool is_zero = true;

		for (i = line; i < end; i++)
			is_zero &= !hardware_value(view, (uint16_t)i, 1);
		if (is_zero)
			continue;
		fprintf(out, "  %03x ", line);
		for (i = line; i < end; i++)
			print_byte(view, (uint16_t)i, false, out);
		fputc('\n', out);
	}
}

static void print_found(const struct view *view, const struct pcicfg_found *found, FILE *out)
{
	enum tone tone = found->is_shown ? TONE_STRONG : TONE_FAINT;
	size_t i;

	fprintf(out, "%s%03x  %s%s", terminal_tone_on(&view->terminal, tone), found->offset,
		found->name ? found->name : "unknown capability", terminal_tone_off(&view->terminal, tone));
	if (found->offset)
		fprintf(out, " (id %02x, %u bytes)", found->id, found->length);
	fprintf(out, "%s%s%s\n", found->is_shown ? "" : " hidden", found->why ? ": " : "",
		found->why ? found->why : "");
	for (i = 0; i < found->register_count; i++)
		print_register(view, found->offset, &found->registers[i], out);
	print_nameless(view, found, out);
}

static void print_legend(const struct view *view, FILE *out)
{
	int i;

	if (!view->terminal.color)
		return;
	for (i = PCICFG_CONDITIONS - 1; i >= 0; i--)
		fprintf(out, "%s%s%s%s", terminal_tone_on(&view->terminal, condition_tone[i]),
			pcicfg_condition_name((enum pcicfg_condition)i),
			terminal_tone_off(&view->terminal, condition_tone[i]), i ? "  " : "\n");
}

/* ---- as JSON ---- */

static void add_number(struct json_object *object, const char *key, uint32_t value)
{
	json_object_object_add(object, key, json_object_new_int64(value));
}

static struct json_object *json_register(const struct view *view, uint16_t base, const struct pcicfg_register *reg)
{
	struct json_object *object = json_object_new_object(), *fields = json_object_new_object();
	uint16_t offset = (uint16_t)(base + reg->offset);
	uint32_t masks[PCICFG_CONDITIONS], user = user_value(view, offset, reg->width);
	const struct pcicfg_field *field;
	int i;

	conditions(view, offset, reg->width, masks);
	add_number(object, "offset", offset);
	add_number(object, "width", reg->width);
	json_object_object_add(object, "name", json_object_new_string(reg->name));
	add_number(object, "hardware", hardware_value(view, offset, reg->width));
	add_number(object, "user", user);
	for (i = 0; i < PCICFG_CONDITIONS; i++)
		add_number(object, pcicfg_condition_name((enum pcicfg_condition)i), masks[i]);
	for (field = reg->field; field->mask; field++)
		add_number(fields, field->name, field_value(user, field->mask));
	json_object_object_add(object, "fields", fields);
	return object;
}

/* What the hardware has of a capability: two digits a byte. */
static void add_bytes(struct json_object *object, const char *key, const struct view *view,
		      const struct pcicfg_found *found)
{
	char digits[2 * PCICFG_SIZE_PCIE + 1] = "";
	size_t i;

	for (i = 0; i < found->length; i++)
		snprintf(digits + 2 * i, 3, "%02x", hardware_value(view, (uint16_t)(found->offset + i), 1));
	json_object_object_add(object, key, json_object_new_string(digits));
}

static struct json_object *json_found(const struct view *view, const struct pcicfg_found *found)
{
	struct json_object *object = json_object_new_object(), *registers = json_object_new_array();
	size_t i;

	add_number(object, "offset", found->offset);
	add_number(object, "id", found->id);
	json_object_object_add(object, "extended", json_object_new_boolean(found->is_extended));
	json_object_object_add(object, "shown", json_object_new_boolean(found->is_shown));
	add_number(object, "length", found->length);
	json_object_object_add(object, "name", found->name ? json_object_new_string(found->name) : NULL);
	json_object_object_add(object, "why", found->why ? json_object_new_string(found->why) : NULL);
	add_bytes(object, "bytes", view, found);
	for (i = 0; i < found->register_count; i++)
		json_object_array_add(registers, json_register(view, found->offset, &found->registers[i]));
	json_object_object_add(object, "registers", registers);
	return object;
}

static enum exit_status print_json(const struct view *view)
{
	struct json_object *object = json_object_new_object(), *capabilities = json_object_new_array();
	int i;

	add_number(object, "size", view->dump.size);
	for (i = 0; i < view->found_count; i++)
		json_object_array_add(capabilities, json_found(view, &view->found[i]));
	json_object_object_add(object, "capabilities", capabilities);
	return json_print(object, stdout) ? failure_no_memory() : STATUS_OK;
}

/* ---- where it comes from ---- */

static const char *dump_fault(int error)
{
	switch (error) {
	case -ENODATA:
		return "has less than the 64 bytes of a header";
	case -EILSEQ:
		return "has a line that is damaged, missing, out of order, or beyond the space";
	default:
		return "is neither what lspci -x prints nor the 64, 256 or 4096 bytes of sysfs";
	}
}

static enum exit_status read_file(const char *path, struct view *view, struct pcicfg_facts *facts)
{
	static char text[1 << 16];
	FILE *file = fopen(path, "re");
	size_t size;
	int error;

	if (!file)
		return failure_say(STATUS_FAILED, "%s cannot be opened: %s", path, strerror(errno));
	size = fread(text, 1, sizeof(text), file);
	error = ferror(file) ? errno : 0;
	fclose(file);
	if (error)
		return failure_say(STATUS_FAILED, "%s cannot be read: %s", path, strerror(error));
	error = pcicfg_dump_parse(&view->dump, text, size);
	if (error)
		return failure_say(STATUS_FAILED, "%s %s; record one with: lspci -xxxx -s DEVICE >FILE (as root)", path,
				   dump_fault(error));
	pcicfg_dump_facts(&view->dump, facts);
	return STATUS_OK;
}

static enum exit_status read_device(const char *name, struct view *view, struct pcicfg_facts *facts)
{
	char address[INVENTORY_ADDRESS_SIZE];
	enum exit_status status = inventory_address(name, address);
	int error;

	if (status != STATUS_OK)
		return status;
	error = pcicfg_sysfs_read("/sys", address, &view->dump, facts);
	if (error == -ENODEV)
		return failure_say(STATUS_FAILED, "there is no PCI function %s; see: vfioctl list", address);
	if (error)
		return failure_say(STATUS_FAILED, "the config space of %s cannot be read: %s", address,
				   strerror(-error));
	return STATUS_OK;
}

static bool is_header_alone(const struct view *view)
{
	return view->dump.recorded == PCI_STD_HEADER_SIZEOF;
}

static enum exit_status open_view(const struct invocation *invocation, struct view *view)
{
	const char *device = invocation->arguments[1], *file = invocation->option[OPTION_FROM_FILE];
	struct pcicfg_facts facts;
	enum exit_status status;
	int error;

	if (!device == !file)
		return failure_say(STATUS_USAGE, "config show needs either a DEVICE or --from-file DUMP; see: vfioctl "
						 "config --help");
	status = file ? read_file(file, view, &facts) : read_device(device, view, &facts);
	if (status != STATUS_OK)
		return status;
	error = pcicfg_open(&view->cfg, &facts, &pcicfg_dump_hw, &view->dump);
	if (error == -EOPNOTSUPP)
		return failure_say(STATUS_FAILED, "%s is a bridge, which stays the host's; name a device behind it",
				   file ? file : device);
	if (error == -ENODEV)
		return failure_say(STATUS_FAILED, "%s is all ones: the function did not answer", file ? file : device);
	if (error)
		return failure_say(STATUS_FAILED, "the config space of %s makes no sense: %s", file ? file : device,
				   strerror(-error));
	view->found_count = pcicfg_find(&view->cfg, view->found);
	if (is_header_alone(view))
		view->found_count = 1;
	return STATUS_OK;
}

static enum exit_status config_show(const struct invocation *invocation)
{
	static struct view view;
	enum exit_status status = open_view(invocation, &view);
	int i;

	if (status != STATUS_OK)
		return status;
	if (invocation->option[OPTION_JSON])
		return print_json(&view);
	terminal_look(stdout, invocation->option[OPTION_COLOR], &view.terminal);
	if (invocation->option[OPTION_RAW] || invocation->option[OPTION_AS_USER])
		print_bytes(&view, invocation->option[OPTION_AS_USER], stdout);
	else if (invocation->option[OPTION_DIFF])
		print_differences(&view, stdout);
	else
		for (i = 0; i < view.found_count; i++)
			print_found(&view, &view.found[i], stdout);
	if (is_header_alone(&view))
		failure_say(STATUS_OK, "this is the header alone: the capabilities are for root to see");
	print_legend(&view, stdout);
	return STATUS_OK;
}

enum exit_status config_run(const struct invocation *invocation)
{
	if (strcmp(invocation->arguments[0], "show") != 0)
		return failure_say(STATUS_USAGE, "there is no command 'config %s'; see: vfioctl config --help",
				   invocation->arguments[0]);
	return config_show(invocation);
}
