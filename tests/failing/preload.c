/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * LD_PRELOAD: one allocation of the program fails.  FAIL_CONTROL names a file that has a struct failing (failing.h),
 * shared with whoever says which one.  FAIL_TRACE=1 says whose it was.
 *
 * What the C library and the fake machine allocate for themselves is not counted, but the functions that fail for want
 * of memory are; nor what libconfuse, libseccomp and libpci do, which do not look at all of theirs (HACKING.md).
 */
#include "tests/failing/failing.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc's own, which need not be looked up: looking up allocates. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *at, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static struct failing nobody = { 0, UINT64_MAX };
static struct failing *failing = &nobody;
static bool is_traced;

/* ---- who is left out ---- */

#define LEFT_OUT_MAX 8

static struct {
	uintptr_t begin, end;
} left_out[LEFT_OUT_MAX];

static int note(struct dl_phdr_info *info, size_t size, void *data)
{
	static const char *const names[] = { "/libc.so.",	"/ld-linux",   "/libconfuse.so.",
					     "/libseccomp.so.", "/libpci.so.", "/tests/fake/" };
	size_t *count = data;
	bool is_one = false;

	(void)size;
	for (size_t i = 0; !is_one && i < sizeof(names) / sizeof(names[0]); i++)
		is_one = strstr(info->dlpi_name, names[i]);
	if (!is_one || *count == LEFT_OUT_MAX)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];

		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
			continue;
		left_out[*count].begin = info->dlpi_addr + part->p_vaddr;
		left_out[(*count)++].end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
		break;
	}
	return 0;
}

static bool counts(const void *caller)
{
	for (size_t i = 0; i < LEFT_OUT_MAX; i++)
		if ((uintptr_t)caller >= left_out[i].begin && (uintptr_t)caller < left_out[i].end)
			return false;
	return true;
}

/* ---- */

static void __attribute__((constructor)) begin(void)
{
	const char *path = getenv("FAIL_CONTROL");
	/* by its number: another library that is preloaded may have an open() that is not ready yet */
	int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	size_t count = 0;
	void *shared;

	if (fd < 0)
		return;
	dl_iterate_phdr(note, &count);
	shared = mmap(NULL, sizeof(*failing), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	syscall(SYS_close, fd);
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
	if (!counts(caller))
		return false;
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

/* ---- of the C library ---- */

/* NAME(ARGUMENTS), which gives WRONG without memory. */
#define ALSO(type, name, declared, passed, wrong) \
	type name declared \
	{ \
		type(*real) declared = (type(*) declared)dlsym(RTLD_NEXT, #name); \
\
		return FAILS ? (wrong) : real passed; \
	}

ALSO(char *, strdup, (const char *text), (text), NULL)
ALSO(char *, strndup, (const char *text, size_t size), (text, size), NULL)
ALSO(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
ALSO(FILE *, fmemopen, (void *bytes, size_t size, const char *mode), (bytes, size, mode), NULL)
ALSO(FILE *, open_memstream, (char **text, size_t *size), (text, size), NULL)
ALSO(DIR *, opendir, (const char *path), (path), NULL)
ALSO(int, vasprintf, (char **text, const char *format, va_list args), (text, format, args), -1)
ALSO(int, pthread_create, (pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *), void *data),
     (thread, attr, run, data), EAGAIN)
