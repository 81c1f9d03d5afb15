#!/bin/sh
# guest.sh UNCACHED SHARED RESULTS COMMAND...: the first script in a guest. Runs COMMAND on the host's file system.
#
# virtme-ng mounts the host's files without a cache, and each start of Python reads about a thousand of them. Here
# they are mounted again with a cache, which is twice as fast; UNCACHED is the mount point of virtme-ng's export.
# SHARED is the folder for results that the host can read; it becomes RESULTS, as on the host. KERNEL_ROOT is the folder
# with the kernel's lib/modules.
# KERNEL_HEADERS, if set, is a folder with the kernel's headers, for tcpconnlat.
# PROJECT, if set, is a folder that UNCACHED lacks: virtme-ng has mounted it at UNCACHED-project.
set -eu
uncached=$1 shared=$2 results=$3
shift 3

with_cache() {
    tag=$(findmnt -n -o SOURCE "$1")
    umount "$1"
    mount -t 9p -o ro,version=9p2000.L,trans=virtio,cache=loose,msize=512000 "$tag" "$2"
}
# What is written there, such as Python's byte code, is kept until the guest ends.
writable() {
    upper=$(mktemp -d -p /run)
    mkdir "$upper/files" "$upper/work"
    mount -t overlay -o "lowerdir=$1,upperdir=$upper/files,workdir=$upper/work" overlay "$1"
}
with_cache "$uncached" "$uncached"
[ -z "${PROJECT:-}" ] || writable "$uncached"
cd "$uncached"
for folder in proc sys dev; do mount --rbind "/$folder" "$folder"; done
mount -t tmpfs tmpfs run
mkdir run/upper run/work
mount -t overlay -o lowerdir=tmp,upperdir=run/upper,workdir=run/work overlay tmp
mkdir -p ".$results"
mount --bind "$shared" ".$results"
if [ -n "${PROJECT:-}" ]; then
    mkdir -p "$uncached$PROJECT"
    with_cache "$uncached-project" "$uncached$PROJECT"
    writable "$uncached$PROJECT"
    for packages in opt/tests/lib/python3*/site-packages; do echo "$PROJECT" >"$packages/project.pth"; done
fi

# Not chroot: a process inside a chroot may not create user namespaces.
pivot_root . .
umount -l .
cd /

# What the kernel loads by itself: veth, nf_tables, tcp_diag.
printf '#!/bin/sh\nexec /sbin/modprobe -d %s "$@"\n' "$KERNEL_ROOT" >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe

ip link set lo up
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf
if [ -n "${KERNEL_HEADERS:-}" ]; then
    # Debian has them in two folders that refer to each other by absolute paths; BCC needs a single folder.
    mkdir /run/headers
    common=$(echo "$KERNEL_HEADERS"/linux-headers-*-common)
    mount -t overlay -o "lowerdir=$KERNEL_HEADERS/linux-headers-$(uname -r):$common" overlay /run/headers
    export BCC_KERNEL_SOURCE=/run/headers
fi
export HOME=/tmp
exec "$@"
