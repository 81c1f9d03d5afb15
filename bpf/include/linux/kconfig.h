/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in headers: BCC compiles against this folder instead of the running kernel's headers, so none need
 * to be installed and none can break the compiler. It looks for this very file to accept the folder.
 */
#define CONFIG_BPF_SYSCALL 1
