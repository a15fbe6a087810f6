/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: one allocation of the program fails.  FAIL_CONTROL names a file that has a struct failing (failing.h),
 * shared with whoever says which one.  FAIL_TRACE=1 says whose it was.
 */
#include "tests/failing/failing.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* glibc's own, which need not be looked up: looking up allocates. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct failing nobody = { 0, UINT64_MAX };
static struct failing *failing = &nobody;
static bool is_traced;

static void __attribute__((constructor)) begin(void)
{
	const char *path = getenv("FAIL_CONTROL");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *shared;

	if (fd < 0)
		return;
	shared = mmap(NULL, sizeof(*failing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	is_traced = getenv("FAIL_TRACE") != NULL;
	if (shared != MAP_FAILED)
		failing = shared;
}

/* Where in which file, for addr2line. */
static void tell(const void *caller)
{
	char text[256];
	Dl_info info;
	int size;

	if (!dladdr(caller, &info))
		return;
	size = snprintf(text, sizeof(text), "failing: %s+0x%zx\n", info.dli_fname,
			(size_t)((const char *)caller - (const char *)info.dli_fbase));
	if (write(STDERR_FILENO, text, (size_t)size) < 0)
		return;
}

static bool fails(const void *caller)
{
	if (__atomic_add_fetch(&failing->count, 1, __ATOMIC_RELAXED) != __atomic_load_n(&failing->at, __ATOMIC_RELAXED))
		return false;
	if (is_traced)
		tell(caller);
	errno = ENOMEM;
	return true;
}

#define FAILS fails(__builtin_return_address(0))

void *malloc(size_t size)
{
	return FAILS ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return FAILS ? NULL : __libc_calloc(count, size);
}

void *realloc(void *at, size_t size)
{
	return FAILS ? NULL : __libc_realloc(at, size);
}

void *reallocarray(void *at, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return FAILS ? NULL : __libc_realloc(at, bytes);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return FAILS ? NULL : __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	return FAILS ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **at, size_t alignment, size_t size)
{
	void *made = FAILS ? NULL : __libc_memalign(alignment, size);

	if (!made)
		return ENOMEM;
	*at = made;
	return 0;
}
