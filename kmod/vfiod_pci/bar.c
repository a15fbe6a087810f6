// SPDX-License-Identifier: GPL-2.0-only
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/io.h>
#include <linux/slab.h>

#include "vfiod_pci.h"

/*
 * BARs and ROM by read and write. An access is cut into the widest aligned pieces, each of which is
 * one access of the CPU, while memory_lock keeps the BAR where it is.
 */

/* The widest piece of an access of @count bytes at @offset. */
static unsigned int piece(u64 offset, size_t count)
{
	unsigned int width = 8;

	while (width > count || (offset & (width - 1)))
		width /= 2;
	return width;
}

/* Ports have no accesses of 8 bytes, and on machines of 32 bits nothing has. */
static unsigned int widest(const struct vfiod_pci *vp, unsigned int bar)
{
	return IS_ENABLED(CONFIG_64BIT) && !(vp->pdev->resource[bar].flags & IORESOURCE_IO) ? 8 : 4;
}

/* ---- the table of MSI-X: the mask of each vector is the user's, the rest is the host's ---- */

static bool in_table(const struct vfiod_pci *vp, unsigned int bar, u64 offset)
{
	return vp->table.bar == bar && offset >= vp->table.offset &&
	       offset < vp->table.offset + vp->table.length;
}

/* Return: bytes, or -EIO: the BAR does not answer. */
static ssize_t access_table(struct vfiod_pci *vp, u8 *bytes, size_t count, u64 offset, bool write)
{
	u64 at = offset - vp->table.offset;
	size_t done;
	bool control;

	mutex_lock(&vp->lock);
	count = vp->memory_on ? min_t(u64, count, vp->table.length - at) : 0;
	for (done = 0; done < count; done++, at++) {
		control = at % PCI_MSIX_ENTRY_SIZE == PCI_MSIX_ENTRY_VECTOR_CTRL;
		if (!write)
			bytes[done] =
				control && pcicfg_msix_masked(&vp->cfg, at / PCI_MSIX_ENTRY_SIZE);
		else if (control)
			pcicfg_msix_set_mask(&vp->cfg, at / PCI_MSIX_ENTRY_SIZE,
					     bytes[done] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
	}
	if (write && count)
		interrupts_apply_masks(vp);
	mutex_unlock(&vp->lock);
	return count ? count : -EIO;
}

/* ---- BARs ---- */

static u64 read_piece(void __iomem *from, unsigned int width)
{
	switch (width) {
	case 1:
		return ioread8(from);
	case 2:
		return ioread16(from);
	case 8:
		return readq(from);
	}
	return ioread32(from);
}

static void write_piece(void __iomem *to, unsigned int width, u64 value)
{
	switch (width) {
	case 1:
		iowrite8(value, to);
		break;
	case 2:
		iowrite16(value, to);
		break;
	case 4:
		iowrite32(value, to);
		break;
	case 8:
		writeq(value, to);
		break;
	}
}

static bool answers(const struct vfiod_pci *vp, unsigned int bar)
{
	return vp->pdev->resource[bar].flags & IORESOURCE_IO ? vp->io_on : vp->memory_on;
}

/* Return: @count, or -EIO: the BAR does not answer. */
static ssize_t access_registers(struct vfiod_pci *vp, unsigned int bar, u8 *bytes, size_t count,
				u64 offset, bool write)
{
	size_t done = 0, now;
	void __iomem *at;

	down_read(&vp->memory_lock);
	if (!answers(vp, bar)) {
		up_read(&vp->memory_lock);
		return -EIO;
	}
	for (; done < count; done += now) {
		now = min(piece(offset + done, count - done), widest(vp, bar));
		at = vp->bar[bar] + offset + done;
		if (write)
			write_piece(at, now, from_bytes(bytes + done, now));
		else
			to_bytes(bytes + done, now, read_piece(at, now));
	}
	up_read(&vp->memory_lock);
	return done;
}

/* Return: bytes, up to the end of the BAR or to that of its table of MSI-X; or an errno. */
ssize_t bar_access(struct vfiod_pci *vp, unsigned int bar, u8 *bytes, size_t count, u64 offset,
		   bool write)
{
	u64 length = bar_length(vp, bar);

	if (offset >= length || !vp->bar[bar])
		return -EINVAL;
	count = min_t(u64, count, length - offset);
	if (in_table(vp, bar, offset))
		return access_table(vp, bytes, count, offset, write);
	if (vp->table.bar == bar && offset < vp->table.offset)
		count = min_t(u64, count, vp->table.offset - offset);
	return access_registers(vp, bar, bytes, count, offset, write);
}

/* ---- the expansion ROM ---- */

/*
 * A copy: to read it, it has to be switched on, and a function may have one decoder for it and its
 * BARs. Behind the end of the image there are ones.
 */
static int copy_rom(struct vfiod_pci *vp)
{
	size_t length = bar_length(vp, PCI_ROM_RESOURCE), image = 0;
	void __iomem *rom;
	u16 command;
	void *copy = kvmalloc(length, GFP_KERNEL_ACCOUNT);

	if (!copy)
		return -ENOMEM;
	memset(copy, 0xff, length);
	memory_block(vp, true);
	command = power_decode(vp->pdev);
	rom = pci_map_rom(vp->pdev, &image);
	if (rom) {
		/* no wider than all functions can be read */
		__ioread32_copy(copy, rom, min(image, length) / 4);
		pci_unmap_rom(vp->pdev, rom);
	}
	pci_write_config_word(vp->pdev, PCI_COMMAND, command);
	interrupts_sync_pin(vp);
	memory_unblock(vp);
	vp->rom = copy;
	return 0;
}

ssize_t rom_access(struct vfiod_pci *vp, u8 *bytes, size_t count, u64 offset)
{
	u64 length = bar_length(vp, PCI_ROM_RESOURCE);
	int error = 0;

	if (offset >= length)
		return -EINVAL;
	mutex_lock(&vp->lock);
	if (!vp->rom)
		error = vp->pdev->current_state == PCI_D0 ? copy_rom(vp) : -EIO;
	if (!error) {
		count = min_t(u64, count, length - offset);
		memcpy(bytes, vp->rom + offset, count);
	}
	mutex_unlock(&vp->lock);
	return error ? error : count;
}

/* ---- open and close ---- */

static void find_table(struct vfiod_pci *vp)
{
	struct pci_dev *pdev = vp->pdev;
	u32 table;

	vp->table.bar = -1;
	if (!pdev->msix_cap)
		return;
	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &table);
	vp->table.bar = table & PCI_MSIX_TABLE_BIR;
	vp->table.offset = table & PCI_MSIX_TABLE_OFFSET;
	vp->table.length = pci_msix_vec_count(pdev) * PCI_MSIX_ENTRY_SIZE;
}

/* Return: 0, -EBUSY (another driver has registers of it), -ENOMEM. */
int bar_open(struct vfiod_pci *vp)
{
	unsigned int bar;
	int error = pci_request_regions(vp->pdev, "vfiod-pci");

	if (error)
		return error;
	find_table(vp);
	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!bar_length(vp, bar))
			continue;
		vp->bar[bar] = pci_iomap(vp->pdev, bar, 0);
		if (!vp->bar[bar]) {
			bar_close(vp);
			return -ENOMEM;
		}
	}
	return 0;
}

void bar_close(struct vfiod_pci *vp)
{
	unsigned int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (vp->bar[bar])
			pci_iounmap(vp->pdev, vp->bar[bar]);
		vp->bar[bar] = NULL;
	}
	pci_release_regions(vp->pdev);
	kvfree(vp->rom);
	vp->rom = NULL;
}
