/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfioctl/parse.h"

#include <locale.h>

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	return parse_and_run(argc, argv);
}
