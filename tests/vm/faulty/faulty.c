// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel module with one fault of each kind that the debug kernel is there to report. tests/vm/selftest loads it, and
 * wants each report to fail the run.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spinning);

static void leak(void)
{
	void *forgotten = kmalloc(1234, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(forgotten);
}

static void sleep_under_a_spinlock(void)
{
	spin_lock(&spinning);
	might_sleep();
	spin_unlock(&spinning);
}

static void lock_in_either_order(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);
	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void use_after_free(void)
{
	int *freed = kmalloc(sizeof(*freed), GFP_KERNEL);

	kfree(freed);
	OPTIMIZER_HIDE_VAR(freed);
	if (freed)
		READ_ONCE(*freed);
}

/* In this order: after a KASAN report lockdep says nothing more. */
static int __init faulty_init(void)
{
	leak();
	sleep_under_a_spinlock();
	lock_in_either_order();
	use_after_free();
	return 0;
}

static void __exit faulty_exit(void)
{
}

module_init(faulty_init);
module_exit(faulty_exit);
MODULE_DESCRIPTION("One fault of each kind");
MODULE_LICENSE("GPL");
