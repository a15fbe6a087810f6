/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_FAKE_VFIO_H
#define TESTS_FUZZ_FAKE_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What vfiod does to functions, made up below its own files: vfio.h, clean.h, inuse.h, watch.h, handles.h, and
 * worker.h.
 *
 * A file of VFIO's is one end of a socket pair, so that the kernel itself counts who has it open: in vfiod, in a
 * message that nobody has read, in a client.  A job runs, and reports, when the test says so.
 */

#define FAKE_OPENINGS 64
#define FAKE_HANDLES  64

/* One opening of a group, or of a device's own file, with what was opened by it: our ends, or -1. */
struct fake_opening {
	bool is;
	uint32_t group;
	uint64_t address; /* of the device, if that is open */
	int files[3];	  /* group; device; container, or iommufd */
	int unplug;	  /* an eventfd, that vfiod has too */
};

struct fake_handle {
	uint32_t id; /* 0: there is none */
	uint32_t kind, state, flags, uid, pid;
	uint64_t lease, address, until_ms;
	int file;    /* our end of the handle, or -1 */
	int real;    /* the file that it stands for, or -1 */
	bool untold; /* it has changed */
};

struct fake_vfio {
	struct fake_opening openings[FAKE_OPENINGS];
	struct fake_handle handles[FAKE_HANDLES];
	uint32_t last_handle;
	bool frozen;	       /* vfiod has died: nothing that it does has an effect */
	bool has_handles;      /* the module is loaded */
	bool has_iommufd;      /* the kernel does */
	bool full;	       /* there is no room for a handle */
	uint64_t broken;       /* bits of functions that cannot be reset */
	uint64_t in_use;       /* that the host uses */
	uint64_t stuck;	       /* whose clients do not come back from the kernel */
	uint64_t used[64];     /* by function: the lease that has been in it since it was clean, or 0 */
	uint32_t used_uid[64]; /* whose that was */
};

extern struct fake_vfio fake_vfio;

/** fake_index() - the number of a function among those of fake_kernel. */
unsigned int fake_index(uint64_t address);

/** fake_vfio_reset() - as it was in the beginning; what we have open is closed. */
void fake_vfio_reset(void);

/** fake_vfio_tell() - tell vfiod what has been closed, and which handles have changed. Return: whether there was any.
 */
bool fake_vfio_tell(void);

/** fake_unplug() - the kernel wants the device closed. */
void fake_unplug(uint64_t address);

/** fake_files() - descriptors that are ours. */
unsigned int fake_files(void);

/** fake_group_is_open() - anybody has it open. */
bool fake_group_is_open(uint32_t group);

/** fake_unstick() - the clients that were stuck come back. */
void fake_unstick(void);

/* The jobs that vfiod has started, in that order. */
size_t fake_jobs(void);
void fake_job_run(size_t job);	  /* if it has not run */
void fake_job_report(size_t job); /* if it has run */

#endif
