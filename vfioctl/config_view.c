/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/config_view.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <linux/pci_regs.h>

/* What a bit is to the user, at a glance. */
static const enum tone condition_tone[PCICFG_CONDITIONS] = {
	[PCICFG_HIDDEN] = TONE_FAINT, [PCICFG_FIXED] = TONE_STRONG, [PCICFG_READ_ONLY] = TONE_PLAIN,
	[PCICFG_VIRTUAL] = TONE_BUSY, [PCICFG_PASSED] = TONE_GOOD,
};

/* ---- values ---- */

static uint32_t hardware_value(const struct config_view *view, uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	pcicfg_dump_hw.read((void *)&view->dump, offset, width, &value);
	return value;
}

static bool is_live(const struct config_view *view)
{
	return view->live.size;
}

static uint32_t user_value(const struct config_view *view, uint16_t offset, unsigned int width)
{
	uint32_t value = 0;

	if (is_live(view))
		pcicfg_dump_hw.read((void *)&view->live, offset, width, &value);
	else
		pcicfg_read(&view->cfg, offset, width, &value); /* of a recording: it cannot fail */
	return value;
}

/* The conditions of the bits of a register, and the one that says most of it. */
static enum pcicfg_condition conditions(const struct config_view *view, uint16_t offset, unsigned int width,
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

/* Which colour is what. */
static void print_legend(const struct config_view *view, FILE *out)
{
	int i;

	if (!view->terminal.color)
		return;
	for (i = PCICFG_CONDITIONS - 1; i >= 0; i--)
		fprintf(out, "%s%s%s%s", terminal_tone_on(&view->terminal, condition_tone[i]),
			pcicfg_condition_name((enum pcicfg_condition)i),
			terminal_tone_off(&view->terminal, condition_tone[i]), i ? "  " : "\n");
}

/* ---- as bytes ---- */

static void print_byte(const struct config_view *view, uint16_t offset, bool user, FILE *out)
{
	uint32_t masks[PCICFG_CONDITIONS];
	enum tone tone = condition_tone[conditions(view, offset, 1, masks)];

	fprintf(out, " %s%02x%s", terminal_tone_on(&view->terminal, tone),
		user ? user_value(view, offset, 1) : hardware_value(view, offset, 1),
		terminal_tone_off(&view->terminal, tone));
}

void config_view_print_bytes(const struct config_view *view, bool user, FILE *out)
{
	unsigned int line, i;

	for (line = 0; line < view->dump.size; line += 16) {
		fprintf(out, "%02x:", line);
		for (i = 0; i < 16; i++)
			print_byte(view, (uint16_t)(line + i), user, out);
		fputc('\n', out);
	}
	print_legend(view, out);
}

void config_view_print_differences(const struct config_view *view, FILE *out)
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
	print_legend(view, out);
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

static void print_field(uint32_t mask, uint32_t value, FILE *out)
{
	if (is_flag(mask))
		fputc(value & mask ? '+' : '-', out);
	else if (__builtin_popcount(mask) >= 16) /* an id */
		fprintf(out, "=%04x", field_value(value, mask));
	else
		fprintf(out, "=%u", field_value(value, mask));
}

/* @other: what stands beside a field whose value is another there, "(hardware +)" */
static void print_fields(const struct pcicfg_register *reg, uint32_t value, uint32_t other, FILE *out)
{
	const struct pcicfg_field *field;

	for (field = reg->field; field->mask; field++) {
		fprintf(out, " %s", field->name);
		print_field(field->mask, value, out);
		if (!((value ^ other) & field->mask))
			continue;
		fputs(" (hardware ", out);
		print_field(field->mask, other, out);
		fputc(')', out);
	}
}

static void print_conditions(const struct config_view *view, const uint32_t masks[PCICFG_CONDITIONS],
			     unsigned int width, FILE *out)
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

/* What stands between the hardware's value and the user's. */
static const char *mark(const struct config_view *view, uint32_t difference, const uint32_t masks[PCICFG_CONDITIONS])
{
	if (!difference)
		return "    ";
	if (!is_live(view))
		return " -> ";
	return difference & (masks[PCICFG_READ_ONLY] | masks[PCICFG_PASSED]) ? "  ! " : "  * ";
}

static void print_register(const struct config_view *view, uint16_t base, const struct pcicfg_register *reg, FILE *out)
{
	uint16_t offset = (uint16_t)(base + reg->offset);
	uint32_t hardware = hardware_value(view, offset, reg->width), user = user_value(view, offset, reg->width);
	uint32_t masks[PCICFG_CONDITIONS];
	enum pcicfg_condition condition = conditions(view, offset, reg->width, masks);
	enum tone tone = condition_tone[condition];
	int digits = 2 * reg->width;

	fprintf(out, "  %03x  %-28s %s%*s%0*" PRIx32 "%s", offset, reg->name, terminal_tone_on(&view->terminal, tone),
		8 - digits, "", digits, hardware, terminal_tone_off(&view->terminal, tone));
	fputs(mark(view, hardware ^ user, masks), out);
	if (hardware != user || is_live(view))
		fprintf(out, "%s%0*" PRIx32 "%s", terminal_tone_on(&view->terminal, tone), digits, user,
			terminal_tone_off(&view->terminal, tone));
	else
		fprintf(out, "%*s", digits, "");
	fprintf(out, "%*s  ", 8 - digits, "");
	print_conditions(view, masks, reg->width, out);
	if (reg->field[0].mask) {
		uint32_t value = condition == PCICFG_HIDDEN ? hardware : user;

		fprintf(out, "\n       ");
		print_fields(reg, value, is_live(view) ? hardware : value, out);
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

static void print_line(const struct config_view *view, unsigned int line, unsigned int end, bool user, FILE *out)
{
	for (; line < end; line++)
		print_byte(view, (uint16_t)line, user, out);
	fputc('\n', out);
}

/*
 * What of a capability has no name: the hardware's bytes, but for lines of zeros; and the user's, where they are read
 * and are others.
 */
static void print_nameless(const struct config_view *view, const struct pcicfg_found *found, FILE *out)
{
	unsigned int last = found->offset + found->length, line, i;

	for (line = end_of_names(found); line < last; line += 16) {
		unsigned int end = last < line + 16 ? last : line + 16;
		bool is_zero = true, differs = false;

		for (i = line; i < end; i++) {
			is_zero &= !hardware_value(view, (uint16_t)i, 1);
			differs |= hardware_value(view, (uint16_t)i, 1) != user_value(view, (uint16_t)i, 1);
		}
		differs &= is_live(view);
		if (is_zero && !differs)
			continue;
		fprintf(out, "  %03x ", line);
		print_line(view, line, end, false, out);
		if (!differs)
			continue;
		fprintf(out, "  user");
		print_line(view, line, end, true, out);
	}
}

static void print_found(const struct config_view *view, const struct pcicfg_found *found, FILE *out)
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

/* Over the two columns of values. */
static void print_heading(const struct config_view *view, FILE *out)
{
	if (is_live(view))
		fprintf(out, "%s%-35s %8s    %s%s\n", terminal_tone_on(&view->terminal, TONE_STRONG), "", "hardware",
			"user", terminal_tone_off(&view->terminal, TONE_STRONG));
}

static void print_marks(const struct config_view *view, FILE *out)
{
	if (is_live(view))
		fputs("* is another for the user, as it should be\n"
		      "! should be the same: the hardware has changed it meanwhile, or the driver is at fault\n",
		      out);
}

void config_view_print(const struct config_view *view, FILE *out)
{
	int i;

	print_heading(view, out);
	for (i = 0; i < view->found_count; i++)
		print_found(view, &view->found[i], out);
	print_marks(view, out);
	print_legend(view, out);
}

/* ---- as JSON ---- */

static void add_number(struct json_object *object, const char *key, uint32_t value)
{
	json_object_object_add(object, key, json_object_new_int64(value));
}

static struct json_object *json_register(const struct config_view *view, uint16_t base,
					 const struct pcicfg_register *reg)
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
static void add_bytes(struct json_object *object, const char *key, const struct config_view *view,
		      const struct pcicfg_found *found)
{
	char digits[2 * PCICFG_SIZE_PCIE + 1] = "";
	size_t i;

	for (i = 0; i < found->length; i++)
		snprintf(digits + 2 * i, 3, "%02x", hardware_value(view, (uint16_t)(found->offset + i), 1));
	json_object_object_add(object, key, json_object_new_string(digits));
}

static struct json_object *json_found(const struct config_view *view, const struct pcicfg_found *found)
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

struct json_object *config_view_json(const struct config_view *view)
{
	struct json_object *object = json_object_new_object(), *capabilities = json_object_new_array();
	int i;

	add_number(object, "size", view->dump.size);
	json_object_object_add(object, "live", json_object_new_boolean(is_live(view)));
	for (i = 0; i < view->found_count; i++)
		json_object_array_add(capabilities, json_found(view, &view->found[i]));
	json_object_object_add(object, "capabilities", capabilities);
	return object;
}

/* ---- the model ---- */

bool config_view_is_header_alone(const struct config_view *view)
{
	return view->dump.recorded == PCI_STD_HEADER_SIZEOF;
}

int config_view_open(struct config_view *view, const struct pcicfg_facts *facts)
{
	int error = pcicfg_open(&view->cfg, facts, &pcicfg_dump_hw, &view->dump);

	if (error)
		return error;
	view->found_count = pcicfg_find(&view->cfg, view->found);
	if (config_view_is_header_alone(view))
		view->found_count = 1;
	return 0;
}
