/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "libpcicfg/engine.h"

/*
 * Masks that are virtual. The hardware's mask bits are the host's; a vector that the user masked is held back here, is
 * pending until it is unmasked, and is due then (PCIe 6.0 §6.1.4.5, PCI 3.0 §6.8.1.7 and §6.8.1.8).
 */

bool pcicfg_msi_held(const struct pcicfg *cfg, unsigned int vector)
{
	return cfg->msi_mask && vector < cfg->msi_vectors && (user_dword(cfg, cfg->msi_mask) >> vector & 1);
}

bool pcicfg_msi_raise(struct pcicfg *cfg, unsigned int vector)
{
	__u16 pending = cfg->msi_mask + 4;

	if (!cfg->msi || vector >= cfg->msi_vectors)
		return false;
	if (!pcicfg_msi_held(cfg, vector))
		return true;
	set_user_dword(cfg, pending, user_dword(cfg, pending) | 1u << vector);
	return false;
}

int pcicfg_msi_due(struct pcicfg *cfg)
{
	__u16 pending = cfg->msi_mask + 4;
	__u32 due;

	if (!cfg->msi_mask)
		return -ENOENT;
	due = user_dword(cfg, pending) & ~user_dword(cfg, cfg->msi_mask);
	if (!due)
		return -ENOENT;
	set_user_dword(cfg, pending, user_dword(cfg, pending) & ~(due & -due));
	return (int)__ffs(due);
}

static bool is_masked_as_a_whole(const struct pcicfg *cfg)
{
	return user_dword(cfg, cfg->msix) >> 16 & PCI_MSIX_FLAGS_MASKALL;
}

bool pcicfg_msix_masked(const struct pcicfg *cfg, unsigned int vector)
{
	return vector < cfg->msix_vectors && (cfg->msix_mask[vector / 32] >> (vector % 32) & 1);
}

bool pcicfg_msix_held(const struct pcicfg *cfg, unsigned int vector)
{
	return pcicfg_msix_masked(cfg, vector) || (vector < cfg->msix_vectors && is_masked_as_a_whole(cfg));
}

bool pcicfg_msix_raise(struct pcicfg *cfg, unsigned int vector)
{
	if (vector >= cfg->msix_vectors)
		return false;
	if (!pcicfg_msix_held(cfg, vector))
		return true;
	cfg->msix_pending[vector / 32] |= 1u << (vector % 32);
	return false;
}

int pcicfg_msix_due(struct pcicfg *cfg)
{
	unsigned int index;

	if (is_masked_as_a_whole(cfg))
		return -ENOENT;
	for (index = 0; 32 * index < cfg->msix_vectors; index++) {
		__u32 due = cfg->msix_pending[index] & ~cfg->msix_mask[index];

		if (due) {
			cfg->msix_pending[index] &= ~(due & -due);
			return (int)(32 * index + (unsigned int)__ffs(due));
		}
	}
	return -ENOENT;
}

int pcicfg_msix_set_mask(struct pcicfg *cfg, unsigned int vector, bool masked)
{
	__u32 bit = 1u << (vector % 32);

	if (vector >= cfg->msix_vectors)
		return -EINVAL;
	if (masked)
		cfg->msix_mask[vector / 32] |= bit;
	else
		cfg->msix_mask[vector / 32] &= ~bit;
	return 0;
}

__u32 pcicfg_msix_pending(const struct pcicfg *cfg, unsigned int index)
{
	return 32 * index < cfg->msix_vectors ? cfg->msix_pending[index] : 0;
}
