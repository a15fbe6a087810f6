/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which VFIO driver a function gets: what the configuration says, against what the kernel has. */
#include "vfiod/driver.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the kernel may have; the strict driver is registered once, by one name or the other. */
static const struct drivers nothing, strict = { .strict = true }, stock = { .stock = true },
				     both = { .strict = true, .stock = true },
				     disguised = { .stock = true, .disguised = true };

static const struct {
	enum driver_choice choice;
	const struct drivers *drivers;
	const char *first, *second; /* the names, or NULL */
	int error;
	const char *next; /* what to do about the error */
} cases[] = {
	{ DRIVER_CHOICE_AUTO, &both, "vfiod-pci", "vfio-pci", 0, NULL },
	{ DRIVER_CHOICE_AUTO, &strict, "vfiod-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_AUTO, &stock, "vfio-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_AUTO, &disguised, "vfio-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_AUTO, &nothing, NULL, NULL, -ENOENT, "load it: modprobe vfio-pci" },
	{ DRIVER_CHOICE_STRICT, &both, "vfiod-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_STRICT, &strict, "vfiod-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_STRICT, &stock, NULL, NULL, -ENOENT, "load it: modprobe vfiod_pci" },
	{ DRIVER_CHOICE_STRICT, &disguised, "vfio-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_STRICT, &nothing, NULL, NULL, -ENOENT, "load it: modprobe vfiod_pci" },
	{ DRIVER_CHOICE_STOCK, &both, "vfio-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_STOCK, &strict, NULL, NULL, -ENOENT, "load it: modprobe vfio-pci" },
	{ DRIVER_CHOICE_STOCK, &stock, "vfio-pci", NULL, 0, NULL },
	{ DRIVER_CHOICE_STOCK, &disguised, NULL, NULL, -EEXIST,
	  "load it instead: modprobe -r vfiod_pci && modprobe vfio-pci" },
	{ DRIVER_CHOICE_STOCK, &nothing, NULL, NULL, -ENOENT, "load it: modprobe vfio-pci" },
};

START_TEST(a_choice_is_had_by_the_names_that_the_kernel_has_for_it_or_refused_with_what_to_do)
{
	struct driver_names names = { .name = { "untouched" }, .count = 77 };
	struct failure failure = { 0 };
	size_t count = (cases[_i].first != NULL) + (cases[_i].second != NULL);

	ck_assert_int_eq(driver_choose(cases[_i].choice, cases[_i].drivers, &names, &failure), cases[_i].error);
	ck_assert_int_eq(failure.error, cases[_i].error);
	if (cases[_i].error) {
		ck_assert_msg(strstr(failure.text, cases[_i].next), "'%s' is not in: %s", cases[_i].next, failure.text);
		ck_assert_uint_eq(names.count, 77);
		return;
	}
	ck_assert_uint_eq(names.count, count);
	ck_assert_str_eq(names.name[0], cases[_i].first);
	if (cases[_i].second)
		ck_assert_str_eq(names.name[1], cases[_i].second);
}
END_TEST

START_TEST(the_words_of_the_configuration_are_three)
{
	static const char *const wrong[] = {
		"", "vfio", "vfio_pci", "vfiod_pci", "VFIO-PCI", "auto ", "vfio-pci-core"
	};
	enum driver_choice choice = DRIVER_CHOICE_STOCK;

	ck_assert_int_eq(driver_choice_parse("auto", &choice), 0);
	ck_assert_int_eq(choice, DRIVER_CHOICE_AUTO);
	ck_assert_int_eq(driver_choice_parse("vfiod-pci", &choice), 0);
	ck_assert_int_eq(choice, DRIVER_CHOICE_STRICT);
	ck_assert_int_eq(driver_choice_parse("vfio-pci", &choice), 0);
	ck_assert_int_eq(choice, DRIVER_CHOICE_STOCK);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(driver_choice_parse(wrong[i], &choice), -EINVAL);
	ck_assert_int_eq(choice, DRIVER_CHOICE_STOCK);
}
END_TEST

START_TEST(two_drivers_are_vfios_and_others_with_such_names_are_not)
{
	static const char *const others[] = {
		"", "vfio", "vfio-pci-not", "vfiod-pci2", "vfiod_pci", "pci-stub", "nvme"
	};

	ck_assert(driver_is_vfio("vfio-pci"));
	ck_assert(driver_is_vfio("vfiod-pci"));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert(!driver_is_vfio(others[i]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("driver");
	TCase *choice = tcase_create("choice");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(choice, a_choice_is_had_by_the_names_that_the_kernel_has_for_it_or_refused_with_what_to_do,
			    0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(choice, the_words_of_the_configuration_are_three);
	tcase_add_test(choice, two_drivers_are_vfios_and_others_with_such_names_are_not);
	suite_add_tcase(suite, choice);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
