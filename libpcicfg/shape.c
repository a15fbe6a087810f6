/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/*
 * How long a capability is. The function says so itself, and may say anything: each length is checked against what the
 * capability has to hold and against the end of the space, and what does not fit is hidden.
 */

/* What is asked for one capability; dword is the one behind the header. */
struct question {
	__u16 flags; /* the upper half of a standard header */
	__u32 dword;
};

/* Of a capability that lies about its length, nothing but the header is known. */
static void hide(struct shape *shape)
{
	shape->decision = DECISION_HIDDEN;
	shape->length = PCI_CAP_SIZEOF;
}

static void need_length(struct shape *shape, __u16 length)
{
	if (shape->length < length)
		hide(shape);
}

/* PCIe 6.0 §7.7.1: two bits of message control make four layouts. */
static void shape_msi(const struct question *question, struct shape *shape)
{
	bool is_64 = question->flags & PCI_MSI_FLAGS_64BIT;

	if (question->flags & PCI_MSI_FLAGS_MASKBIT) {
		shape->table = is_64 ? TABLE_MSI_64_MASK : TABLE_MSI_32_MASK;
		shape->length = is_64 ? PCICFG_SIZEOF_MSI_64_MASK : PCICFG_SIZEOF_MSI_32_MASK;
	} else {
		shape->table = is_64 ? TABLE_MSI_64 : TABLE_MSI_32;
		shape->length = is_64 ? PCICFG_SIZEOF_MSI_64 : PCICFG_SIZEOF_MSI_32;
	}
}

static void shape_pcix(const struct question *question, struct shape *shape)
{
	shape->length = PCI_X_CMD_VERSION(question->flags) ? PCI_CAP_PCIX_SIZEOF_V2 : PCI_CAP_PCIX_SIZEOF_V0;
}

/* PCIe 6.0 §7.9.4: the third byte is the length. */
static void shape_vndr(const struct question *question, struct shape *shape)
{
	shape->length = question->flags & 0xff;
	shape->table = TABLE_PLAIN;
	shape->first = shape->length == PCICFG_SIZEOF_VNDR_MIN ? PLAIN_STD_HEADER_3 : PLAIN_STD_HEADER_RAW;
	shape->rest = PLAIN_RAW;
	shape->has_tail = true;
	need_length(shape, PCICFG_SIZEOF_VNDR_MIN);
}

/* PCIe 6.0 §7.5.3: a root complex integrated endpoint has no link, and may have no registers for it. */
static void shape_exp(const struct question *question, struct shape *shape)
{
	unsigned int type = (question->flags & PCI_EXP_FLAGS_TYPE) >> 4;
	bool has_link = type != PCI_EXP_TYPE_RC_END && type != PCI_EXP_TYPE_RC_EC;

	if ((question->flags & PCI_EXP_FLAGS_VERS) < 2)
		shape->length = has_link ? PCI_CAP_EXP_ENDPOINT_SIZEOF_V1 : PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V1;
	else
		shape->length = has_link ? PCICFG_SIZEOF_EXP_V2 : PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V2;
}

static void shape_sata(const struct question *question, struct shape *shape)
{
	bool is_inline = (question->dword & PCI_SATA_REGS_MASK) == PCI_SATA_REGS_INLINE;

	shape->length = is_inline ? PCI_SATA_SIZEOF_LONG : PCI_SATA_SIZEOF_SHORT;
}

/* PCIe 6.0 §7.9.1: the registers of one channel and of each extended one; arbitration tables behind them are hidden. */
static void shape_vc(const struct question *question, struct shape *shape)
{
	unsigned int channels = 1 + (question->dword & PCI_VC_CAP1_EVCC);

	shape->length = (__u16)(PCI_CAP_VC_BASE_SIZEOF + channels * PCI_CAP_VC_PER_VC_SIZEOF);
}

/* PCIe 6.0 §7.9.12: a byte for each substate. */
static void shape_dpa(const struct question *question, struct shape *shape)
{
	shape->length = (__u16)(PCI_DPA_BASE_SIZEOF + (question->dword & PCI_DPA_CAP_SUBSTATE_MASK) + 1);
}

static void shape_vsec(const struct question *question, struct shape *shape)
{
	shape->length = (__u16)PCI_VNDR_HEADER_LEN(question->dword);
	shape->has_tail = true;
	need_length(shape, PCICFG_SIZEOF_VSEC_MIN);
}

static void shape_dvsec(const struct question *question, struct shape *shape)
{
	shape->length = (__u16)PCI_DVSEC_HEADER1_LEN(question->dword);
	if (PCI_DVSEC_HEADER1_VID(question->dword) == PCICFG_VENDOR_CXL)
		shape->decision = DECISION_HIDDEN;
	need_length(shape, PCICFG_SIZEOF_DVSEC_MIN);
}

static const struct {
	void (*shape)(const struct question *question, struct shape *shape);
	bool asks_dword;
} shapers[] = {
	[SHAPE_MSI] = { shape_msi, false }, [SHAPE_PCIX] = { shape_pcix, false }, [SHAPE_VNDR] = { shape_vndr, false },
	[SHAPE_EXP] = { shape_exp, false }, [SHAPE_SATA] = { shape_sata, true },  [SHAPE_VC] = { shape_vc, true },
	[SHAPE_DPA] = { shape_dpa, true },  [SHAPE_VSEC] = { shape_vsec, true },  [SHAPE_DVSEC] = { shape_dvsec, true },
};

int pcicfg_shape(const struct pcicfg *cfg, const struct pcicfg_capability *capability, __u16 pos, __u32 header,
		 __u16 end, struct shape *shape)
{
	struct question question = { .flags = (__u16)(header >> 16) };
	int error = 0;

	shape->decision = capability->decision;
	shape->table = capability->table;
	shape->first = pos < PCICFG_SIZE_PCI ? PLAIN_STD_HEADER : PLAIN_EXT_HEADER;
	shape->rest = PLAIN_READ;
	shape->has_tail = capability->decision == DECISION_READ_ONLY;
	shape->length = capability->length;
	if (capability->shape != SHAPE_FIXED) {
		/* a header that is the last dword: nothing behind it to ask */
		if (shapers[capability->shape].asks_dword && pos + 8u <= end)
			error = hw_read(cfg, pos + 4, 4, &question.dword);
		if (error)
			return error;
		shapers[capability->shape].shape(&question, shape);
	}
	if (pos + (__u32)shape->length > end)
		hide(shape);
	return 0;
}
