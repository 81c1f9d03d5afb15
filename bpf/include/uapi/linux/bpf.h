/* SPDX-License-Identifier: GPL-2.0 */
/* BCC brings its own copy of this header. */
