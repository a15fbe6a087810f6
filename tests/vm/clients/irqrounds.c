/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * irqrounds ROUNDS SEED HOW ADDRESS: interrupts of a device that keeps firing are enabled and disabled ROUNDS times,
 * while other threads mask and unmask them, trigger them by hand and reset the device. HOW says in which way its user
 * goes now and then, in the midst of that, and the next one comes: `close` (it dies) or `revoke` (by a handle of
 * vfiod_handle).
 */
#include "tests/vm/clients/client.h"
#include "tests/vm/clients/edu.h"
#include "tests/vm/clients/expect.h"
#include "tests/vm/clients/raiser.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#define VECTORS_MAX 16

static const unsigned int kinds[] = { VFIO_PCI_INTX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Between the broker and all its clients. */
static struct {
	volatile unsigned long rounds, resets, signals[KINDS];
	volatile unsigned int vectors[KINDS]; /* that the device has */
	volatile int revoking;		      /* REVOKE is about to be called, or has been */
	volatile int revoked;		      /* it has returned */
	volatile unsigned int after;	      /* calls refused since */
} * shared;

static const struct raiser *raiser;
static unsigned int seed;

/* Between two of what a thread does for ever: time for the others, of which there is little on an emulated processor.
 */
#define BREATH_NS 1000000

static void pause_for(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* ---- the client ---- */

static volatile unsigned int armed; /* the index that is enabled now, or was last */
static int irqs[VECTORS_MAX];

/* @data of @size bytes in all, for @count vectors from the first on. 0 or an errno. */
static int set_irqs(uint32_t flags, unsigned int index, unsigned int count, const void *data, size_t size)
{
	char space[sizeof(struct vfio_irq_set) + sizeof(irqs)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)space;

	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)(sizeof(*set) + size), .flags = flags, .index = index, .count = count
	};
	if (size)
		memcpy(set->data, data, size);
	return ioctl(my.lease.device.fd, VFIO_DEVICE_SET_IRQS, set) ? errno : 0;
}

/*
 * What a call came to, that has ended just now: it may be refused if its end is after the begin of the revocation, and
 * has to be if its begin is after the end of that (@after). Return: whether it succeeded.
 */
static bool judge(int error, bool after, int allowed)
{
	if (after)
		expect(error == ENODEV);
	else if (error == ENODEV)
		expect(shared->revoking);
	else
		expect(!error || error == allowed);
	if (after)
		shared->after++;
	return !error;
}

static void *fire_away(void *number)
{
	unsigned int mine = seed + (unsigned int)(size_t)number;

	for (;;) {
		unsigned int index = armed, vector = (unsigned int)rand_r(&mine) % VECTORS_MAX;

		if (index != VFIO_PCI_MSIX_IRQ_INDEX)
			vector = 0;
		/* SIGBUS: a reset, or revoked */
		if (!raiser->arm(my.bar, index) || !raiser->ack(my.bar, index, vector) ||
		    !raiser->raise(my.bar, index, vector))
			pause_for(10000);
		pause_for(BREATH_NS);
	}
	return NULL;
}

/* Return: whether both succeeded. */
static bool enable_and_disable(unsigned int kind, unsigned int count, unsigned int *mine)
{
	const uint32_t trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
	unsigned int index = kinds[kind];
	bool after = shared->revoked, enabled;

	armed = index;
	enabled =
		judge(set_irqs(trigger | VFIO_IRQ_SET_DATA_EVENTFD, index, count, irqs, count * sizeof(int)), after, 0);
	/* now and then it is let through first */
	if (irq_wait(irqs[0], rand_r(mine) % 4 ? 0 : 5))
		shared->signals[kind]++;
	after = shared->revoked;
	return judge(set_irqs(trigger | VFIO_IRQ_SET_DATA_NONE, index, 0, NULL, 0), after, 0) && enabled;
}

static void *switch_about(void *unused)
{
	unsigned int mine = seed;

	for (;;) {
		unsigned int kind = (unsigned int)rand_r(&mine) % KINDS;
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = kinds[kind] };

		if (ioctl(my.lease.device.fd, VFIO_DEVICE_GET_IRQ_INFO, &info)) {
			judge(errno, shared->revoked, 0);
			pause_for(1000000);
		} else if (info.count) {
			shared->rounds += enable_and_disable(kind, 1 + (unsigned int)rand_r(&mine) % info.count, &mine);
		}
	}
	return unused;
}

/* Of what is enabled, if it still is: otherwise it is refused. */
static void *mask_and_trigger(void *unused)
{
	const uint32_t actions[] = { VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK,
				     VFIO_IRQ_SET_ACTION_TRIGGER };
	unsigned int mine = seed + 100;

	for (;;) {
		bool after = shared->revoked;
		unsigned int index = armed;
		uint32_t action = actions[rand_r(&mine) % 3];
		int error = set_irqs(VFIO_IRQ_SET_DATA_NONE | action, index, 1, NULL, 0);

		/* with stock vfio-pci only INTx can be masked */
		judge(error == ENOTTY ? EINVAL : error, after, EINVAL);
		/* nothing stays masked */
		after = shared->revoked;
		error = set_irqs(VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, index, 1, NULL, 0);
		judge(error == ENOTTY ? EINVAL : error, after, EINVAL);
		pause_for(BREATH_NS);
	}
	return unused;
}

/* A reset takes a second on some devices, so not too often. */
static void *reset_often(void *unused)
{
	unsigned int mine = seed + 200;
	unsigned long next = shared->rounds;

	for (;;) {
		bool after = shared->revoked;
		int error;

		if (!after && shared->rounds < next) {
			pause_for(100000);
			continue;
		}
		error = ioctl(my.lease.device.fd, VFIO_DEVICE_RESET) ? errno : 0;
		judge(error, after, EAGAIN);
		shared->resets += !error;
		next = shared->rounds + 20 + (unsigned int)rand_r(&mine) % 100;
	}
	return unused;
}

static void prepare(void)
{
	raiser = raiser_of(my.lease.device.fd);
	my.bar = bar_map(my.lease.device.fd, 0, raiser->size);
	expect(my.bar != MAP_FAILED && !command(COMMAND_MASTER | COMMAND_MEMORY));
	for (size_t i = 0; i < VECTORS_MAX; i++) {
		irqs[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		expect(irqs[i] >= 0);
	}
}

static long begin(long unused)
{
	void *(*const jobs[])(void *) = { fire_away, fire_away, switch_about, mask_and_trigger, reset_often };

	(void)unused;
	prepare();
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
		pthread_t thread;

		expect(!pthread_create(&thread, NULL, jobs[i], (void *)i));
	}
	return 0;
}

/* All vectors of a kind, each with an eventfd of its own. */
static bool each_vector_works(unsigned int index, unsigned int count)
{
	const uint32_t trigger = VFIO_IRQ_SET_ACTION_TRIGGER;

	expect(count <= VECTORS_MAX);
	expect(!set_irqs(trigger | VFIO_IRQ_SET_DATA_EVENTFD, index, count, irqs, count * sizeof(int)));
	expect(raiser->arm(my.bar, index));
	for (unsigned int v = 0; v < count; v++) {
		expect(raiser->raise(my.bar, index, v));
		if (!irq_wait(irqs[v], PATIENCE_MS))
			return false;
		expect(raiser->ack(my.bar, index, v));
	}
	expect(!set_irqs(trigger | VFIO_IRQ_SET_DATA_NONE, index, 0, NULL, 0));
	return true;
}

/* Each kind, once, on each vector: 0, or 1 + the index of one that does not come. */
static long each_kind_works(long unused)
{
	(void)unused;
	prepare();
	for (size_t k = 0; k < KINDS; k++) {
		shared->vectors[k] = vector_count(my.lease.device.fd, kinds[k]);
		if (shared->vectors[k] && !each_vector_works(kinds[k], shared->vectors[k]))
			return 1 + kinds[k];
	}
	return 0;
}

/* ---- the broker ---- */

static const char *address;
static int node = -1; /* of handles, if that is how */

/* The next user, who has the device's files or handles of them. */
static struct actor next_user(struct vfio *vfio)
{
	struct lease lease = { .container = { .fd = vfio->container }, .device = { .fd = vfio->device } };

	if (node >= 0)
		lease = lease_make(node, vfio, 1, true);
	else
		vfio->container = vfio->device = -1;
	return client_start(&lease, ALICE);
}

static bool has_died(const struct actor *user)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_PID, (id_t)user->pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

/* With handles: until @wanted calls more have been refused. */
static void take_back(struct actor *user, struct vfio *vfio, unsigned int wanted)
{
	if (node >= 0) {
		shared->revoking = 1;
		expect(!revoke_lease(node, 1, 6 * TIME_LIMIT).pending);
		shared->revoked = 1;
		while (shared->after < wanted) {
			expect(!has_died(user));
			pause_for(1000000);
		}
	}
	actor_end(user);
	if (node >= 0)
		table_clear(node);
	expect(!ioctl(vfio->group, VFIO_GROUP_UNSET_CONTAINER));
}

/* From one user to the next. */
static void generation(struct vfio *vfio, unsigned long rounds)
{
	unsigned long until = shared->rounds + rounds, last = shared->rounds;
	struct actor user;

	vfio_attach(vfio, address);
	user = next_user(vfio);
	shared->revoking = 0;
	shared->revoked = 0;
	shared->after = 0;
	expect(!actor_ask(&user, begin, 0));
	for (int still = 0; shared->rounds < until; still++) {
		pause_for(1000000 + rand_r(&seed) % 1000000);
		if (shared->rounds != last)
			still = 0;
		last = shared->rounds;
		expect(still < 10 * PATIENCE_MS && !has_died(&user));
	}
	take_back(&user, vfio, 10);
}

static void all_is_well(struct vfio *vfio)
{
	struct actor user;

	vfio_attach(vfio, address);
	user = next_user(vfio);
	expect(!actor_ask(&user, each_kind_works, 0));
	take_back(&user, vfio, 0);
}

/* Whether those of each kind of the device came in a fiftieth of @rounds: not only by chance. */
static bool enough_signals(unsigned long rounds)
{
	for (size_t k = 0; k < KINDS; k++)
		if (shared->vectors[k] && shared->signals[k] <= rounds / 50)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	unsigned long rounds = argc == 5 ? strtoul(argv[1], NULL, 10) : 0, generations = 0;
	struct vfio vfio;

	if (!rounds || (strcmp(argv[3], "close") && strcmp(argv[3], "revoke"))) {
		fprintf(stderr, "usage: irqrounds ROUNDS SEED close|revoke ADDRESS\n");
		return 2;
	}
	seed = (unsigned int)atoi(argv[2]);
	address = argv[4];
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	expect(shared != MAP_FAILED);
	if (!strcmp(argv[3], "revoke"))
		node = node_open(O_NONBLOCK);
	vfio.group = vfio_group(address);
	all_is_well(&vfio);
	expect(shared->vectors[0] && shared->vectors[1]);
	/* few rounds may all have missed theirs: then there are more, but not without end */
	for (; shared->rounds < rounds || (!enough_signals(rounds) && shared->rounds < 20 * rounds); generations++) {
		generation(&vfio, 1 + (unsigned long)rand_r(&seed) % (rounds < 5000 ? rounds / 5 + 1 : 1000));
		if (generations % 10 == 9)
			dprintf(1, "# %lu rounds\n", shared->rounds);
	}
	all_is_well(&vfio);
	expect(shared->resets);
	expect(enough_signals(rounds));
	printf("figure: %lu rounds of interrupts enabled and disabled, %lu resets, %lu users (%s), signals: INTx %lu, "
	       "MSI "
	       "%lu, MSI-X %lu\n",
	       shared->rounds, shared->resets, generations, argv[3], shared->signals[0], shared->signals[1],
	       shared->signals[2]);
	return 0;
}
