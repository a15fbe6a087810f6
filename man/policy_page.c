/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Prints pcicfg-policy(7): the tables, in words. */
#include "libpcicfg/names.h"
#include "libpcicfg/tables.h"

#include <stdio.h>

/* Text for mdoc: a line for each sentence, and a backslash is one. */
static void text(const char *words)
{
	for (; *words; words++) {
		if (words[0] == '.' && words[1] == ' ') {
			puts(".");
			words++;
		} else if (*words == '\\')
			fputs("\\e", stdout);
		else if (*words == '\'')
			fputs("\\(aq", stdout);
		else
			putchar(*words);
	}
}

static void line(const char *words)
{
	text(words);
	putchar('\n');
}

static bool is_number(const char *spec)
{
	return *spec >= '0' && *spec <= '9';
}

static void reason(const char *spec, const char *why)
{
	line(why);
	fputs(is_number(spec) ? "(PCIe 6.0, " : "(", stdout);
	text(spec);
	puts(")");
}

static __u32 part(__u32 dword, const struct pcicfg_register *reg)
{
	__u32 bits = reg->width == 4 ? 0xffffffffu : (1u << 8 * reg->width) - 1;

	return dword >> 8 * (reg->offset & 3) & bits;
}

/* The fields of a register that are in @mask, or the mask itself if it has others. */
static void print_mask(const char *condition, const struct pcicfg_register *reg, __u32 mask)
{
	const struct pcicfg_field *field;
	const char *separator = ": ";

	if (!mask)
		return;
	printf(".It %s\n%0*x", condition, 2 * reg->width, mask);
	for (field = reg->field; field->mask; field++)
		if (field->mask & mask) {
			printf("%s%s", separator, field->name);
			separator = ", ";
		}
	putchar('\n');
}

static void print_register(const struct pcicfg_register *reg, const struct pcicfg_row *row)
{
	printf(".It %02x ", reg->offset);
	line(reg->name);
	puts(".Bl -tag -width read-only -compact");
	print_mask("passed", reg, part(~row->virt & row->write, reg));
	print_mask("virtual", reg, part(row->virt & row->write, reg));
	print_mask("read-only", reg, part(~row->virt & ~row->write, reg));
	print_mask("fixed", reg, part(row->virt & ~row->write, reg));
	print_mask("rw1c", reg, part(row->rw1c, reg));
	puts(".El");
}

/* The registers of a table; the reason of a dword follows its last register. */
static void print_table(enum pcicfg_table_id table)
{
	const struct pcicfg_table *rows = &pcicfg_tables[table];
	const struct pcicfg_register *registers;
	size_t count, i;

	registers = pcicfg_names(table, &count);
	puts(".Bl -tag -width Ds");
	for (i = 0; i < count; i++) {
		unsigned int dword = registers[i].offset / 4;
		const struct pcicfg_row *row = &rows->row[dword];

		print_register(&registers[i], row);
		if (i + 1 == count || registers[i + 1].offset / 4 != dword)
			reason(row->spec, row->why);
	}
	puts(".El");
}

static void print_capability(unsigned int id, const struct pcicfg_capability *capability)
{
	static const char *const decisions[] = {
		[DECISION_SHOWN] = "shown",
		[DECISION_READ_ONLY] = "read-only",
		[DECISION_HIDDEN] = "hidden",
	};

	printf(".Ss %02x ", id);
	line(capability->name);
	printf(".Em %s .\n", decisions[capability->decision]);
	reason(capability->spec, capability->why);
	if (capability->table)
		print_table((enum pcicfg_table_id)capability->table);
	if (capability->shape == SHAPE_MSI)
		print_table(TABLE_MSI_64_MASK); /* the other layouts leave registers out */
}

static void print_quirks(void)
{
	unsigned int i;

	puts(".Bl -tag -width Ds");
	for (i = 0; i < pcicfg_quirk_count; i++) {
		const struct pcicfg_quirk *quirk = &pcicfg_quirks[i];

		printf(".It %04x:%04x, %02x to %02x, %s\n", quirk->vendor, quirk->device, quirk->first, quirk->last,
		       quirk->row == PLAIN_RAW ? "passed" : "read-only");
		text(quirk->spec);
		fputs(": ", stdout);
		line(quirk->why);
	}
	puts(".El");
}

static const char head[] =
	".\\\" SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause\n"
	".\\\" Made by man/policy_page.c from the tables of the library.\n"
	".Dd November 22, 2026\n.Dt PCICFG-POLICY 7\n.Os\n"
	".Sh NAME\n.Nm pcicfg-policy\n.Nd what the user of a PCI function may see and change of its config space\n"
	".Sh DESCRIPTION\n"
	"This is the policy of\n.Xr libpcicfg 3 ,\nregister by register.\nEach bit is in one of these conditions:\n"
	".Bl -tag -width read-only\n"
	".It passed\nThe hardware's; the user sees and changes it.\n"
	".It virtual\nA bit of the user's own behaves as the hardware's would; the hardware's stays the host's.\n"
	".It read-only\nThe hardware's; the user sees it and cannot change it.\n"
	".It fixed\nWhat the library put there, 0 where nothing is said; the hardware's is not seen.\n"
	".It hidden\nReads 0, ignores writes: all that is in no capability, and all of a hidden one.\n"
	".El\n"
	".Pp\n"
	"Bits that are rw1c are cleared by writing 1: a write of a register beside them never does.\n"
	"Numbers are hexadecimal; offsets are in the capability.\n"
	"A capability that is read-only as a whole, or hidden, has no table.\n";

int main(void)
{
	unsigned int id;

	fputs(head, stdout);
	puts(".Sh THE HEADER");
	print_table(TABLE_HEADER);
	puts(".Sh THE HEADER OF A VIRTUAL FUNCTION");
	print_table(TABLE_HEADER_VF);
	puts(".Sh CAPABILITIES");
	for (id = 0; id < PCICFG_STD_CAPS; id++)
		print_capability(id, &pcicfg_std_caps[id]);
	puts(".Sh EXTENDED CAPABILITIES");
	for (id = 0; id < PCICFG_EXT_CAPS; id++)
		print_capability(id, &pcicfg_ext_caps[id]);
	puts(".Sh DEVICES WITH REGISTERS IN NO CAPABILITY");
	print_quirks();
	puts(".Sh SEE ALSO\n.Xr vfioctl 1 ,\n.Xr libpcicfg 3");
	return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
