/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why functions share an IOMMU group: what is read in config spaces, which are files here, and what follows of whole
 * machines; and what is said of interrupts, which the kernel refuses a group for.
 */
#include "vfiod/isolation.h"

#include "proto/address.h"
#include "tests/temporary.h"
#include "vfiod/device.h"
#include "vfiod/interrupts.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WANTED (PCI_ACS_SV | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF)

/* ---- one function ---- */

static int config;
static unsigned char space[4096];

static void put16(unsigned int offset, unsigned int value)
{
	space[offset] = (unsigned char)value;
	space[offset + 1] = (unsigned char)(value >> 8);
}

static void put_extended(unsigned int offset, unsigned int id, unsigned int next)
{
	put16(offset, id);
	put16(offset + 2, 1 | next << 4);
}

/* A port: power management, PCI Express, and behind AER the services. */
static void set_up(void)
{
	config = memfd_create("config", MFD_CLOEXEC);
	ck_assert_int_ge(config, 0);
	memset(space, 0, sizeof(space));
	put16(PCI_STATUS, PCI_STATUS_CAP_LIST);
	space[PCI_CAPABILITY_LIST] = 0x40;
	put16(0x40, PCI_CAP_ID_PM | 0x50 << 8);
	put16(0x50, PCI_CAP_ID_EXP);
	put16(0x50 + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ROOT_PORT << 4);
	put_extended(0x100, PCI_EXT_CAP_ID_ERR, 0x148);
	put_extended(0x148, PCI_EXT_CAP_ID_ACS, 0);
	put16(0x148 + PCI_ACS_CAP, WANTED | PCI_ACS_TB);
	put16(0x148 + PCI_ACS_CTRL, WANTED);
}

static void tear_down(void)
{
	close(config);
}

static struct isolation look(size_t size)
{
	struct isolation isolation = { 0 };

	ck_assert_int_eq(ftruncate(config, 0), 0);
	ck_assert_int_eq(pwrite(config, space, size, 0), (ssize_t)size);
	isolation_find(config, &isolation);
	ck_assert(isolation.is_known);
	return isolation;
}

START_TEST(a_port_with_all_services_on_lacks_none)
{
	const struct isolation found = look(4096);

	ck_assert(found.is_express && found.has_acs);
	ck_assert_uint_eq(found.type, PCI_EXP_TYPE_ROOT_PORT);
	ck_assert_uint_eq(found.acs_missing, 0);
	ck_assert(!found.multifunction);
}
END_TEST

START_TEST(services_that_are_off_are_missing_and_those_that_nobody_wants_are_not)
{
	put16(0x148 + PCI_ACS_CTRL, PCI_ACS_SV | PCI_ACS_UF);
	ck_assert_uint_eq(look(4096).acs_missing, PCI_ACS_RR | PCI_ACS_CR);
}
END_TEST

START_TEST(services_that_a_function_does_not_have_are_not_missing)
{
	put16(0x148 + PCI_ACS_CAP, PCI_ACS_SV);
	put16(0x148 + PCI_ACS_CTRL, PCI_ACS_SV);
	ck_assert_uint_eq(look(4096).acs_missing, 0);
	put16(0x148 + PCI_ACS_CTRL, 0);
	ck_assert_uint_eq(look(4096).acs_missing, PCI_ACS_SV);
}
END_TEST

START_TEST(a_function_without_the_capability_has_no_services)
{
	put_extended(0x100, PCI_EXT_CAP_ID_ERR, 0);
	ck_assert(!look(4096).has_acs);
	ck_assert(!look(256).has_acs);
}
END_TEST

START_TEST(a_function_without_pci_express_is_conventional)
{
	space[0x41] = 0;
	ck_assert(!look(4096).is_express);
	put16(PCI_STATUS, 0);
	ck_assert(!look(4096).is_express);
	ck_assert(!look(64).is_express);
}
END_TEST

START_TEST(a_slot_with_several_functions_says_so)
{
	space[PCI_HEADER_TYPE] = 0x81;
	ck_assert(look(4096).multifunction);
}
END_TEST

START_TEST(chains_that_lead_in_circles_end)
{
	space[0x51] = 0x40;
	put16(0x50, PCI_CAP_ID_VNDR | 0x40 << 8);
	put_extended(0x148, PCI_EXT_CAP_ID_VNDR, 0x100);
	ck_assert(!look(4096).is_express);
}
END_TEST

START_TEST(of_a_function_that_is_gone_nothing_is_known_to_be_there)
{
	memset(space, 0xff, sizeof(space));
	ck_assert(!look(4096).has_acs);
}
END_TEST

/* ---- machines ---- */

#define PORT			     0x060400
#define ENDPOINT		     0x020000
#define NONE			     VFIOD_NO_ADDRESS
#define ADDRESS(bus, slot, function) ((uint64_t)(bus) << 8 | (slot) << 3 | (function))

#define CONVENTIONAL \
	{ \
		.is_known = true \
	}
#define WITH_ACS(kind) \
	{ \
		.is_known = true, .is_express = true, .type = PCI_EXP_TYPE_##kind, .has_acs = true \
	}
#define ACS_OFF(kind, off) \
	{ \
		.is_known = true, .is_express = true, .type = PCI_EXP_TYPE_##kind, .has_acs = true, \
		.acs_missing = (off) \
	}
#define WITHOUT(kind) \
	{ \
		.is_known = true, .is_express = true, .type = PCI_EXP_TYPE_##kind \
	}
#define MULTI(kind) \
	{ \
		.is_known = true, .is_express = true, .type = PCI_EXP_TYPE_##kind, .multifunction = true \
	}

struct place {
	uint64_t address, parent;
	uint32_t class_code;
	struct isolation isolation;
};

#define MOST 8

/* clang-format off */
static const struct {
	const char *sentence;
	struct place places[MOST]; /* the first two are asked about */
	enum isolation_cause cause;
	uint64_t at;
	const char *text;
} machines[] = {
	{ "two functions of a card without services are one device",
	  { { ADDRESS(7, 0, 0), ADDRESS(0, 7, 0), ENDPOINT, MULTI(ENDPOINT) },
	    { ADDRESS(7, 0, 1), ADDRESS(0, 7, 0), ENDPOINT, MULTI(ENDPOINT) },
	    { ADDRESS(0, 7, 0), NONE, PORT, WITH_ACS(ROOT_PORT) } },
	  ISOLATION_DEVICE, ADDRESS(7, 0, 0), "they are one device, whose function 0000:07:00.0 has no ACS" },
	{ "where one of them has the services, the other one is to blame",
	  { { ADDRESS(7, 0, 0), ADDRESS(0, 7, 0), ENDPOINT, WITH_ACS(ENDPOINT) },
	    { ADDRESS(7, 0, 1), ADDRESS(0, 7, 0), ENDPOINT, ACS_OFF(ENDPOINT, PCI_ACS_RR) },
	    { ADDRESS(0, 7, 0), NONE, PORT, WITH_ACS(ROOT_PORT) } },
	  ISOLATION_DEVICE, ADDRESS(7, 0, 1), "they are one device, whose function 0000:07:00.1 has ACS, but RR of it off" },
	{ "a function above the first one is one of several, whatever its header says",
	  { { ADDRESS(0, 31, 2), NONE, ENDPOINT, WITHOUT(RC_END) },
	    { ADDRESS(0, 31, 3), NONE, ENDPOINT, CONVENTIONAL } },
	  ISOLATION_DEVICE, ADDRESS(0, 31, 2), "they are one device, whose function 0000:00:1f.2 has no ACS" },
	{ "two cards on a conventional bus are behind its bridge",
	  { { ADDRESS(9, 1, 0), ADDRESS(8, 0, 0), ENDPOINT, CONVENTIONAL },
	    { ADDRESS(9, 2, 0), ADDRESS(8, 0, 0), ENDPOINT, CONVENTIONAL },
	    { ADDRESS(8, 0, 0), ADDRESS(0, 8, 0), PORT, WITHOUT(PCI_BRIDGE) },
	    { ADDRESS(0, 8, 0), NONE, PORT, WITH_ACS(ROOT_PORT) } },
	  ISOLATION_BUS, ADDRESS(8, 0, 0), "0000:08:00.0 is a bridge to conventional PCI" },
	{ "so is a card with the bridge itself",
	  { { ADDRESS(9, 1, 0), ADDRESS(8, 0, 0), ENDPOINT, CONVENTIONAL },
	    { ADDRESS(8, 0, 0), ADDRESS(0, 8, 0), PORT, WITHOUT(PCI_BRIDGE) },
	    { ADDRESS(0, 8, 0), NONE, PORT, WITH_ACS(ROOT_PORT) } },
	  ISOLATION_BUS, ADDRESS(8, 0, 0), "0000:08:00.0 is a bridge to conventional PCI" },
	{ "and two functions of one card there, which no services would help",
	  { { ADDRESS(9, 1, 0), ADDRESS(8, 0, 0), ENDPOINT, CONVENTIONAL },
	    { ADDRESS(9, 1, 1), ADDRESS(8, 0, 0), ENDPOINT, CONVENTIONAL },
	    { ADDRESS(8, 0, 0), NONE, PORT, CONVENTIONAL } },
	  ISOLATION_BUS, ADDRESS(8, 0, 0), "0000:08:00.0 is a bridge to conventional PCI" },
	{ "a card is with its port where that has no services",
	  { { ADDRESS(1, 0, 0), ADDRESS(0, 1, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(0, 1, 0), NONE, PORT, WITHOUT(ROOT_PORT) } },
	  ISOLATION_PORT, ADDRESS(0, 1, 0), "the port 0000:00:01.0 has no ACS" },
	{ "or has some of them off",
	  { { ADDRESS(0, 1, 0), NONE, PORT, ACS_OFF(ROOT_PORT, PCI_ACS_SV | PCI_ACS_UF) },
	    { ADDRESS(1, 0, 0), ADDRESS(0, 1, 0), ENDPOINT, WITHOUT(ENDPOINT) } },
	  ISOLATION_PORT, ADDRESS(0, 1, 0), "the port 0000:00:01.0 has ACS, but SV UF of it off" },
	{ "two cards behind ports of one chip without services are with these",
	  { { ADDRESS(1, 0, 0), ADDRESS(0, 28, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(2, 0, 0), ADDRESS(0, 28, 4), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(0, 28, 0), NONE, PORT, MULTI(ROOT_PORT) },
	    { ADDRESS(0, 28, 4), NONE, PORT, MULTI(ROOT_PORT) } },
	  ISOLATION_PORT, ADDRESS(0, 28, 0), "the port 0000:00:1c.0 has no ACS" },
	{ "of two cards behind a switch the port without services is to blame, also where it is the other one's",
	  { { ADDRESS(4, 0, 0), ADDRESS(3, 0, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(5, 0, 0), ADDRESS(3, 1, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(3, 0, 0), ADDRESS(2, 0, 0), PORT, WITH_ACS(DOWNSTREAM) },
	    { ADDRESS(3, 1, 0), ADDRESS(2, 0, 0), PORT, WITHOUT(DOWNSTREAM) },
	    { ADDRESS(2, 0, 0), ADDRESS(0, 1, 0), PORT, WITHOUT(UPSTREAM) },
	    { ADDRESS(0, 1, 0), NONE, PORT, WITH_ACS(ROOT_PORT) } },
	  ISOLATION_PORT, ADDRESS(3, 1, 0), "the port 0000:03:01.0 has no ACS" },
	{ "a port above all that they have in common is not",
	  { { ADDRESS(4, 0, 0), ADDRESS(3, 0, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(5, 0, 0), ADDRESS(3, 1, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(3, 0, 0), ADDRESS(2, 0, 0), PORT, WITH_ACS(DOWNSTREAM) },
	    { ADDRESS(3, 1, 0), ADDRESS(2, 0, 0), PORT, WITH_ACS(DOWNSTREAM) },
	    { ADDRESS(2, 0, 0), ADDRESS(0, 1, 0), PORT, WITHOUT(UPSTREAM) },
	    { ADDRESS(0, 1, 0), NONE, PORT, WITHOUT(ROOT_PORT) } },
	  ISOLATION_UNKNOWN, NONE, "" },
	{ "where all have their services nothing is to blame",
	  { { ADDRESS(1, 0, 0), ADDRESS(0, 1, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(2, 0, 0), ADDRESS(0, 2, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(0, 1, 0), NONE, PORT, WITH_ACS(ROOT_PORT) },
	    { ADDRESS(0, 2, 0), NONE, PORT, WITH_ACS(ROOT_PORT) } },
	  ISOLATION_UNKNOWN, NONE, "" },
	{ "nor is what could not be read",
	  { { ADDRESS(1, 0, 0), ADDRESS(0, 1, 0), ENDPOINT, { .is_known = false } },
	    { ADDRESS(1, 0, 1), ADDRESS(0, 1, 0), ENDPOINT, { .is_known = false } },
	    { ADDRESS(0, 1, 0), NONE, PORT, { .is_known = false } } },
	  ISOLATION_UNKNOWN, NONE, "" },
	{ "bridges that are above each other are no way without end",
	  { { ADDRESS(1, 0, 0), ADDRESS(2, 0, 0), ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(5, 0, 0), NONE, ENDPOINT, WITHOUT(ENDPOINT) },
	    { ADDRESS(2, 0, 0), ADDRESS(3, 0, 0), PORT, WITH_ACS(DOWNSTREAM) },
	    { ADDRESS(3, 0, 0), ADDRESS(2, 0, 0), PORT, WITH_ACS(DOWNSTREAM) } },
	  ISOLATION_UNKNOWN, NONE, "" },
};
/* clang-format on */

/* In a domain of its own for each that is not read: no machine has it. */
static void put(struct devices *devices, const struct place *place)
{
	struct facts facts = {
		.address = place->address,
		.parent = place->parent,
		.class_code = place->class_code,
		.isolation = place->isolation,
		.group = 7,
	};

	facts.isolation.is_known = true; /* so that nothing is looked for on this machine */
	ck_assert_int_eq(devices_put(devices, &facts), 0);
	devices_find(devices, place->address)->facts.isolation.is_known = place->isolation.is_known;
}

static void explain(int row, bool turned, struct isolation_reason *reason)
{
	struct devices devices = { 0 };
	const struct place *places = machines[row].places;

	for (size_t i = 0; i < MOST && places[i].class_code; i++)
		put(&devices, &places[i]);
	isolation_explain(&devices, devices_find(&devices, places[turned].address),
			  devices_find(&devices, places[!turned].address), reason);
	devices_free(&devices);
}

START_TEST(a_machine_is_explained)
{
	struct isolation_reason reason;
	char text[ISOLATION_TEXT_MAX];

	explain(_i, false, &reason);
	ck_assert_msg(reason.cause == machines[_i].cause, "%s: cause %d", machines[_i].sentence, reason.cause);
	ck_assert_msg(reason.at == machines[_i].at, "%s", machines[_i].sentence);
	ck_assert_str_eq(isolation_text(&reason, text), machines[_i].text);
}
END_TEST

START_TEST(the_cause_is_the_same_from_either_side)
{
	struct isolation_reason reason;

	explain(_i, true, &reason);
	ck_assert_msg(reason.cause == machines[_i].cause, "%s: cause %d", machines[_i].sentence, reason.cause);
}
END_TEST

/* ---- interrupts ---- */

static char path[TEMPORARY_MAX];

static const char *file_of(const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void assert_says(const struct failure *failure, const char *words)
{
	ck_assert_msg(strstr(failure->text, words), "'%s' is not in: %s", words, failure->text);
	ck_assert_uint_lt(strlen(failure->text), sizeof(failure->text) - 1);
}

START_TEST(where_vfio_asks_the_kernel_nothing_is_refused_in_advance)
{
	const char *const parameters[] = { "/nowhere/at/all", file_of("N\n"), NULL };
	struct failure failure;

	ck_assert_int_eq(interrupts_check(parameters, 0x100, &failure), 0);
	ck_assert_ptr_null(interrupts_unchecked(parameters));
}
END_TEST

START_TEST(where_vfio_was_told_not_to_ask_a_function_is_refused_with_what_to_do)
{
	const char *const parameters[] = { "/nowhere/at/all", file_of("Y\n"), NULL };
	struct failure failure;

	ck_assert_int_eq(interrupts_check(parameters, 0x100, &failure), -EPERM);
	assert_says(&failure, "0000:01:00.0");
	assert_says(&failure, "echo N > /");
	assert_says(&failure, path);
	ck_assert_str_eq(interrupts_parameters[0], "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts");
	ck_assert_str_eq(interrupts_parameters[1], "/sys/module/iommufd/parameters/allow_unsafe_interrupts");
	assert_says(&failure, "unsafe-interrupts = true in vfiod.conf");
}
END_TEST

START_TEST(a_refusal_of_vfio_for_want_of_remapping_is_told_with_what_to_do)
{
	struct failure failure = { 0 };

	ck_assert(interrupts_explain(0xffffffff0000, VFIOD_NONE, -EPERM, &failure));
	ck_assert_int_eq(failure.error, -EPERM);
	assert_says(&failure, "does not remap interrupts");
	assert_says(&failure, "intremap=on");
	assert_says(&failure, "unsafe-interrupts = true in vfiod.conf");
}
END_TEST

START_TEST(other_refusals_have_no_such_reason)
{
	struct failure failure = { 0 };

	ck_assert(!interrupts_explain(0x100, VFIOD_NONE, -EBUSY, &failure));
	ck_assert(!interrupts_explain(0x100, VFIOD_NONE, -EINVAL, &failure));
	ck_assert_int_eq(failure.error, 0);
}
END_TEST

START_TEST(memory_of_the_firmware_is_told_from_what_the_kernel_does_without)
{
	ck_assert(!interrupts_has_direct(file_of("0x00000000fee00000 0x00000000feefffff msi\n")));
	ck_assert(!interrupts_has_direct(file_of("0x000000007d000000 0x000000007f7fffff direct-relaxable\n")));
	ck_assert(interrupts_has_direct(file_of("0x000000007d000000 0x000000007f7fffff direct\n"
						"0x00000000fee00000 0x00000000feefffff msi\n")));
	ck_assert(!interrupts_has_direct("/nowhere/at/all"));
}
END_TEST

#define MACHINES (sizeof(machines) / sizeof(machines[0]))

static Suite *isolation_suite(void)
{
	Suite *suite = suite_create("isolation");
	TCase *spaces = tcase_create("config space"), *whole = tcase_create("machines");
	TCase *interrupts = tcase_create("interrupts");

	tcase_add_checked_fixture(spaces, set_up, tear_down);
	tcase_add_test(spaces, a_port_with_all_services_on_lacks_none);
	tcase_add_test(spaces, services_that_are_off_are_missing_and_those_that_nobody_wants_are_not);
	tcase_add_test(spaces, services_that_a_function_does_not_have_are_not_missing);
	tcase_add_test(spaces, a_function_without_the_capability_has_no_services);
	tcase_add_test(spaces, a_function_without_pci_express_is_conventional);
	tcase_add_test(spaces, a_slot_with_several_functions_says_so);
	tcase_add_test(spaces, chains_that_lead_in_circles_end);
	tcase_add_test(spaces, of_a_function_that_is_gone_nothing_is_known_to_be_there);
	suite_add_tcase(suite, spaces);
	tcase_add_loop_test(whole, a_machine_is_explained, 0, MACHINES);
	tcase_add_loop_test(whole, the_cause_is_the_same_from_either_side, 0, MACHINES);
	suite_add_tcase(suite, whole);
	tcase_add_test(interrupts, where_vfio_asks_the_kernel_nothing_is_refused_in_advance);
	tcase_add_test(interrupts, where_vfio_was_told_not_to_ask_a_function_is_refused_with_what_to_do);
	tcase_add_test(interrupts, a_refusal_of_vfio_for_want_of_remapping_is_told_with_what_to_do);
	tcase_add_test(interrupts, other_refusals_have_no_such_reason);
	tcase_add_test(interrupts, memory_of_the_firmware_is_told_from_what_the_kernel_does_without);
	suite_add_tcase(suite, interrupts);
	return suite;
}

int main(void)
{
	SRunner *runner;
	int failed, fd = mkstemp(temporary_path(path, "isolation"));

	if (fd < 0) {
		perror(path);
		return EXIT_FAILURE;
	}
	close(fd);
	runner = srunner_create(isolation_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	unlink(path);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
