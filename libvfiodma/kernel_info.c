/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvfiodma/kernel_info.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define TRIES	 8	    /* the answer may grow between two calls, but not for ever */
#define INFO_MAX (1u << 20) /* far more than any kernel has to say */

int kernel_info(int fd, unsigned long request, const void *question, void **info, size_t *size)
{
	uint32_t fixed, room;
	void *answer = NULL;

	memcpy(&fixed, question, sizeof(fixed)); /* argsz */
	room = fixed;
	for (int i = 0; i < TRIES && room <= INFO_MAX; i++) {
		uint32_t need;

		free(answer);
		answer = calloc(1, room);
		if (!answer)
			return -ENOMEM;
		memcpy(answer, question, fixed);
		memcpy(answer, &room, sizeof(room));
		if (ioctl(fd, request, answer)) {
			int err = -errno;

			free(answer);
			return err;
		}
		memcpy(&need, answer, sizeof(need));
		if (need <= room) {
			*info = answer;
			*size = room;
			return 0;
		}
		room = need;
	}
	free(answer);
	return -EBADMSG;
}

int kernel_info_cap(const void *info, size_t size, uint32_t offset, uint16_t id, void *cap, size_t cap_size,
		    const void **rest, size_t *rest_size)
{
	const unsigned char *bytes = info;

	while (offset) {
		struct vfio_info_cap_header header;

		if (offset > size || size - offset < sizeof(header))
			return -EBADMSG;
		memcpy(&header, bytes + offset, sizeof(header));
		if (header.id == id) {
			if (size - offset < cap_size)
				return -EBADMSG;
			memcpy(cap, bytes + offset, cap_size);
			*rest = bytes + offset + cap_size;
			*rest_size = size - offset - cap_size;
			return 0;
		}
		/* the kernel appends: a chain that turns back would never end */
		if (header.next && header.next <= offset)
			return -EBADMSG;
		offset = header.next;
	}
	return -ENOENT;
}
