/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef PCICFG_H
#define PCICFG_H

/*
 * libpcicfg: what the user of a PCI function may see of its config space, and what the user may change in it.
 *
 * One struct pcicfg is one function (header type 0) that its user may read and write with pcicfg_read() and
 * pcicfg_write(). The library computes and nothing else: it allocates nothing, takes no lock, and reaches hardware
 * through the two functions of struct pcicfg_hw alone. The caller serialises all calls for one struct pcicfg; calls for
 * different ones are independent.
 *
 * Values are numbers of the CPU, as with pci_read_config_dword(); memory that stands for config space is little-endian.
 * Every int function returns 0 or a negative errno and leaves its outputs alone on error.
 *
 * The same files are compiled into user space and into the kernel; <linux/types.h> exists in both.
 */
#include <linux/types.h>
#ifndef __KERNEL__
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define PCICFG_SIZE_PCI	 256u  /* bytes of config space of a conventional function */
#define PCICFG_SIZE_PCIE 4096u /* with the extended space of PCI Express and PCI-X 2.0 */

/**
 * struct pcicfg_hw - the way to the hardware: one call is one PCI transaction
 * @read: read @width (1, 2 or 4) bytes at @offset, which is a multiple of @width; returns 0, or a negative errno and
 *	leaves *@value alone. All ones are those of @width bytes: 0xff, 0xffff, 0xffffffff
 * @write: write them
 *
 * In the kernel these are pci_user_read_config_*() and pci_user_write_config_*().
 */
struct pcicfg_hw {
	int (*read)(void *context, __u16 offset, unsigned int width, __u32 *value);
	int (*write)(void *context, __u16 offset, unsigned int width, __u32 value);
};

#define PCICFG_BARS 7 /* 0 to 5, and the expansion ROM */
#define PCICFG_ROM  6

#define PCICFG_BAR_IO	    0x01 /* I/O ports; else memory */
#define PCICFG_BAR_64BIT    0x02 /* the next BAR is its upper half */
#define PCICFG_BAR_PREFETCH 0x04

/**
 * struct pcicfg_bar - a BAR as the kernel knows it: its registers cannot be asked (a VF has none, a probe disturbs)
 * @length: of the *resource* in bytes, 0 for none; its address does not matter
 * @flags: PCICFG_BAR_*
 */
struct pcicfg_bar {
	__u64 length;
	__u32 flags;
};

#define PCICFG_VF      0x01 /* a virtual function of SR-IOV */
#define PCICFG_NO_INTX 0x02 /* its INTx goes nowhere: no line, a broken pin, not connected */

/**
 * struct pcicfg_facts - what the owner knows of a function and the function itself cannot be trusted to say
 * @size: PCICFG_SIZE_PCI or PCICFG_SIZE_PCIE
 * @vendor: vendor id; a VF's own register says 0xffff
 * @device: device id; likewise
 * @flags: PCICFG_VF, PCICFG_NO_INTX
 * @bar: its BARs, the expansion ROM last
 */
struct pcicfg_facts {
	__u16 size;
	__u16 vendor;
	__u16 device;
	__u16 flags;
	struct pcicfg_bar bar[PCICFG_BARS];
};

/**
 * enum pcicfg_event_kind - what the user asked for by a write, and the owner has to carry out
 * @PCICFG_DECODE: memory or I/O decoding was switched in hardware; before, after: PCI_COMMAND_MEMORY, PCI_COMMAND_IO.
 *	Take mappings of BARs away *before* the write, see pcicfg_mark()
 * @PCICFG_INTX: mask (after = 1) or unmask (0) the function's INTx
 * @PCICFG_POWER: bring the function into power state D0 to D3hot (after = 0 to 3), by pci_set_power_state() or the like
 * @PCICFG_FLR: reset the function, then restore it as it was; FLR of PCI Express or of Advanced Features alike
 * @PCICFG_READ_REQUEST: set the Max_Read_Request_Size to after bytes, if the host has nothing against it
 * @PCICFG_MSI: MSI was enabled, disabled or got another number of vectors; after: how many, 0 for disabled
 * @PCICFG_MSI_MASK: the mask of the MSI vectors changed; before, after: the masks. Then ask pcicfg_msi_due()
 * @PCICFG_MSIX: MSI-X was enabled, disabled, masked or unmasked as a whole; before, after: PCI_MSIX_FLAGS_ENABLE,
 *	PCI_MSIX_FLAGS_MASKALL. Then ask pcicfg_msix_due()
 * @PCICFG_VPD: read (or, with PCI_VPD_ADDR_F in after, write) vital product data; after: the address register, before:
 *	the data to write. Answer with pcicfg_vpd_done(). A write is for ever: an owner who lends the function refuses
 *it
 * @PCICFG_WAS_RESET: the function has been reset behind our back: call pcicfg_repair()
 */
enum pcicfg_event_kind {
	PCICFG_DECODE = 1,
	PCICFG_INTX,
	PCICFG_POWER,
	PCICFG_FLR,
	PCICFG_READ_REQUEST,
	PCICFG_MSI,
	PCICFG_MSI_MASK,
	PCICFG_MSIX,
	PCICFG_VPD,
	PCICFG_WAS_RESET,
};

struct pcicfg_event {
	__u32 kind; /* enum pcicfg_event_kind */
	__u32 before;
	__u32 after;
};

#define PCICFG_EVENTS_MAX 4 /* one write of the user causes no more */

/* What a write caused, in order. */
struct pcicfg_events {
	__u32 count;
	struct pcicfg_event event[PCICFG_EVENTS_MAX];
};

/**
 * enum pcicfg_mark - registers whose write has a side effect, see pcicfg_mark()
 * @PCICFG_MARK_NONE: none
 * @PCICFG_MARK_COMMAND: COMMAND: may stop the decoding of memory
 * @PCICFG_MARK_BAR: a BAR or the expansion ROM
 * @PCICFG_MARK_POWER: the power state: may stop the decoding of memory
 * @PCICFG_MARK_DEVCTL: Device Control of PCI Express: FLR, Max_Read_Request_Size
 * @PCICFG_MARK_AF: Advanced Features control: FLR
 * @PCICFG_MARK_MSI: MSI message control
 * @PCICFG_MARK_MSI_MASK: MSI mask bits
 * @PCICFG_MARK_MSIX: MSI-X message control
 * @PCICFG_MARK_VPD: VPD address
 */
enum pcicfg_mark {
	PCICFG_MARK_NONE,
	PCICFG_MARK_COMMAND,
	PCICFG_MARK_BAR,
	PCICFG_MARK_POWER,
	PCICFG_MARK_DEVCTL,
	PCICFG_MARK_AF,
	PCICFG_MARK_MSI,
	PCICFG_MARK_MSI_MASK,
	PCICFG_MARK_MSIX,
	PCICFG_MARK_VPD,
	PCICFG_MARK_COUNT
};

#define PCICFG_DWORDS	     (PCICFG_SIZE_PCIE / 4)
#define PCICFG_MSIX_VECTORS  2048u
#define PCICFG_HOST_REGS_MAX 20

/* A register that is the host's, and what the host had in it: see pcicfg_repair(). */
struct pcicfg_host_reg {
	__u16 offset;
	__u16 width;
	__u32 value;
	__u32 telltale; /* bits that only a reset changes */
};

/**
 * struct pcicfg - the model of one function. The caller's memory; its members are the library's.
 * @hw: the way to the hardware
 * @context: the first argument of its functions
 * @size: bytes of config space
 * @msi: where the MSI capability is, 0 for none
 * @msix: MSI-X
 * @exp: PCI Express
 * @pm: Power Management
 * @vpd: Vital Product Data
 * @msi_mask: where its mask bits are, 0 for none; the pending bits follow
 * @msi_vectors: how many MSI vectors it can have
 * @msix_vectors: how many MSI-X vectors it has
 * @flags: CFG_* of engine.h
 * @host_reg_count: used entries of @host_reg
 * @bar_mask: per BAR the address bits that the user may set: all but those below its length
 * @bar_type: per BAR the constant low bits
 * @host_reg: what pcicfg_repair() restores
 * @map: per dword the row of the tables that rules it
 * @user: per dword the virtual bits as the user sees them, and what the user last wrote to the others
 * @msix_mask: per MSI-X vector its mask bit
 * @msix_pending: per MSI-X vector its pending bit
 */
struct pcicfg {
	const struct pcicfg_hw *hw;
	void *context;
	__u16 size;
	__u16 msi;
	__u16 msix;
	__u16 exp;
	__u16 pm;
	__u16 vpd;
	__u16 msi_mask;
	__u16 msi_vectors;
	__u16 msix_vectors;
	__u16 flags;
	__u16 host_reg_count;
	__u32 bar_mask[PCICFG_BARS];
	__u32 bar_type[PCICFG_BARS];
	struct pcicfg_host_reg host_reg[PCICFG_HOST_REGS_MAX];
	__u16 map[PCICFG_DWORDS];
	__le32 user[PCICFG_DWORDS];
	__u32 msix_mask[PCICFG_MSIX_VECTORS / 32];
	__u32 msix_pending[PCICFG_MSIX_VECTORS / 32];
};

/**
 * pcicfg_open() - read a function's config space once, and set the model up from it
 * @cfg: the caller's memory, at any content; nothing has to be undone at the end
 * @facts: what the caller knows of it; not kept
 * @hw: kept
 * @context: kept, for @hw
 *
 * The function is in D0, its driver and its interrupts are off. Nothing is written to it.
 *
 * Return: 0; -EINVAL (impossible facts), -ENODEV (the function does not answer), -EOPNOTSUPP (a bridge: PCIe 6.0
 * §7.5.1.1.9), or what @hw returned.
 */
int pcicfg_open(struct pcicfg *cfg, const struct pcicfg_facts *facts, const struct pcicfg_hw *hw, void *context);

/**
 * pcicfg_read() - read as the user
 * @offset: a multiple of @width
 * @width: 1, 2 or 4 bytes
 * @value: what the user sees
 *
 * At most one transaction, a read of @width bytes at @offset; none where nothing of hardware shows.
 *
 * Return: 0; -EINVAL (not one aligned transaction within the space), or what the read returned.
 */
int pcicfg_read(const struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 *value);

/**
 * pcicfg_write() - write as the user
 * @offset: a multiple of @width
 * @width: 1, 2 or 4 bytes
 * @value: what the user writes
 * @events: what the caller has to carry out now; not NULL; empty after an error
 *
 * At most one transaction, a write of @width bytes at @offset; where bits of the host are beside those of the user, a
 * read goes before it. Bits that the user may not change keep their value, and an rw1c bit is written 1 only if it is
 * the user's and the user wrote 1.
 *
 * Return: 0, also where the write is ignored; -EINVAL (not one aligned transaction within the space), -ENODEV (the
 * function does not answer any more), or what the transactions returned. Nothing has changed after an error of the
 * read; after one of the write nobody knows what the hardware took, and the model is as before.
 */
int pcicfg_write(struct pcicfg *cfg, __u16 offset, unsigned int width, __u32 value, struct pcicfg_events *events);

/**
 * pcicfg_writable() - which bits of an access the user may change, be they virtual or the hardware's
 *
 * Return: a mask of @width bytes; 0 also for what is not one aligned transaction within the space.
 */
__u32 pcicfg_writable(const struct pcicfg *cfg, __u16 offset, unsigned int width);

/**
 * pcicfg_mark() - which side effect a write to @offset may have
 *
 * So that the owner can prepare: for COMMAND and POWER call pcicfg_repair() and take the mappings of BARs away before
 * pcicfg_write(), under the lock that keeps new ones from being made.
 */
enum pcicfg_mark pcicfg_mark(const struct pcicfg *cfg, __u16 offset);

/**
 * pcicfg_piece() - into which aligned transactions an access of any length is cut
 * @offset: where it is now
 * @count: bytes that are left of it
 *
 * Return: the width of the next transaction (1, 2 or 4), or 0 at the end of the space or of the access.
 */
unsigned int pcicfg_piece(const struct pcicfg *cfg, __u64 offset, __u64 count);

/**
 * pcicfg_read_bytes() - read any number of bytes as the user, in the widest aligned pieces
 * @buffer: little-endian, as config space is
 * @done: bytes that were read, also when an error follows
 *
 * Return: 0 when @count bytes or all to the end of the space were read, or the error of the piece behind @done.
 */
int pcicfg_read_bytes(const struct pcicfg *cfg, __u64 offset, void *buffer, __u64 count, __u64 *done);

/**
 * pcicfg_write_bytes() - write any number of bytes as the user, in the widest aligned pieces
 * @done: bytes that were written, also when an error follows
 * @events: of the last piece. A piece that has events is the last: carry them out, then go on behind @done
 *
 * Return: 0, or the error of the piece behind @done.
 */
int pcicfg_write_bytes(struct pcicfg *cfg, __u64 offset, const void *buffer, __u64 count, __u64 *done,
		       struct pcicfg_events *events);

/** pcicfg_memory_enabled() - may the user reach memory BARs now? (decoding on, or a VF; and D0) */
bool pcicfg_memory_enabled(const struct pcicfg *cfg);

/** pcicfg_io_enabled() - may the user reach I/O BARs now? */
bool pcicfg_io_enabled(const struct pcicfg *cfg);

/**
 * pcicfg_power_is() - tell the model which power state the function is in, when it is not the one of the last
 * PCICFG_POWER event: the transition failed, or the owner woke it
 * @state: D0 to D3hot: 0 to 3
 */
void pcicfg_power_is(struct pcicfg *cfg, unsigned int state);

/**
 * pcicfg_vpd_done() - answer a PCICFG_VPD event
 * @data: what was read; of no meaning for a write
 *
 * The user waits for the flag to change (PCIe 6.0 §7.9.18.1). An access that failed is not answered.
 */
void pcicfg_vpd_done(struct pcicfg *cfg, __u32 data);

/* ---- interrupts: the masks are virtual, what is pending is computed ------------------------------------------- */

/**
 * pcicfg_msi_raise() - the function signalled MSI vector @vector
 * Return: true: pass it on; false: it is masked, and pending from now on.
 */
bool pcicfg_msi_raise(struct pcicfg *cfg, unsigned int vector);

/** pcicfg_msi_held() - whether MSI vector @vector is masked: for an owner who masks it in the hardware. */
bool pcicfg_msi_held(const struct pcicfg *cfg, unsigned int vector);

/** pcicfg_msi_due() - the next MSI vector that was pending and is not masked any more, or -ENOENT. It is pending no
 * more. */
int pcicfg_msi_due(struct pcicfg *cfg);

/** pcicfg_msix_raise() - like pcicfg_msi_raise(), for MSI-X; false for a vector that the function does not have. */
bool pcicfg_msix_raise(struct pcicfg *cfg, unsigned int vector);

/** pcicfg_msix_held() - likewise for MSI-X, be it by the vector's mask bit or by that of all. */
bool pcicfg_msix_held(const struct pcicfg *cfg, unsigned int vector);

/** pcicfg_msix_due() - like pcicfg_msi_due(), for MSI-X. */
int pcicfg_msix_due(struct pcicfg *cfg);

/**
 * pcicfg_msix_set_mask() - the user wrote the vector control word of an MSI-X table entry
 * Return: 0 or -EINVAL (no such vector). Then ask pcicfg_msix_due().
 */
int pcicfg_msix_set_mask(struct pcicfg *cfg, unsigned int vector, bool masked);

/** pcicfg_msix_masked() - that word's mask bit as the user sees it. */
bool pcicfg_msix_masked(const struct pcicfg *cfg, unsigned int vector);

/** pcicfg_msix_pending() - dword @index of the pending bit array as the user sees it. */
__u32 pcicfg_msix_pending(const struct pcicfg *cfg, unsigned int index);

/* ---- a reset behind our back ---------------------------------------------------------------------------------- */

/**
 * pcicfg_remember() - what is now in the registers that are the host's is what has to be there
 *
 * pcicfg_open() does it. Call it again when the host changed them: MSI or MSI-X enabled or disabled, a message moved to
 * another CPU, another payload size.
 *
 * Return: 0, or what a read returned: then all is remembered as before.
 */
int pcicfg_remember(struct pcicfg *cfg);

/**
 * pcicfg_repair() - are the BARs and the interrupt registers still what they were? If not, the function was reset:
 * restore all that pcicfg_remember() saw
 * @was_reset: whether it was. The MSI-X table is in a BAR, and the owner's to restore
 *
 * Decoding and bus mastering stay off, as after any reset: they are the user's to switch on.
 *
 * Return: 0, -ENODEV (it does not answer), or what a transaction returned.
 */
int pcicfg_repair(struct pcicfg *cfg, bool *was_reset);

#ifdef __cplusplus
}
#endif

#endif
