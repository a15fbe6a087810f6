/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libvfiodma/errors.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 640 /* the text of a struct vfiod_error and some words of ours */

struct errors {
	vfiodma_log_fn log;
	void *log_data;
	pthread_mutex_t lock; /* protects last: the threads of a domain may fail at the same time */
	char last[TEXT_MAX];
	char shown[TEXT_MAX]; /* the copy that the caller reads while others write to last */
};

struct errors *errors_new(vfiodma_log_fn log, void *log_data)
{
	struct errors *errors = calloc(1, sizeof(*errors));

	if (!errors)
		return NULL;
	pthread_mutex_init(&errors->lock, NULL);
	errors->log = log;
	errors->log_data = log_data;
	return errors;
}

void errors_free(struct errors *errors)
{
	if (!errors)
		return;
	pthread_mutex_destroy(&errors->lock);
	free(errors);
}

int errors_add(struct errors *errors, int error, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	pthread_mutex_lock(&errors->lock);
	memcpy(errors->last, text, sizeof(text));
	pthread_mutex_unlock(&errors->lock);
	if (errors->log)
		errors->log(errors->log_data, error, text);
	return error;
}

const char *errors_last(struct errors *errors)
{
	pthread_mutex_lock(&errors->lock);
	memcpy(errors->shown, errors->last, sizeof(errors->shown));
	pthread_mutex_unlock(&errors->lock);
	return errors->shown;
}
