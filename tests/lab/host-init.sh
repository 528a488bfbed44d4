#!/usr/bin/env bash
# The first process of a host: covers what hosts do not share, starts sshd, and waits for processes that end.
#   host-init.sh NAME FOLDER [PATH=SOURCE]…     SOURCE is seen at PATH, read-only, whatever covers the folder around it
set -euo pipefail
name=$1 folder=$2
shift 2

hostname "$name"
mount -t tmpfs none /mnt
mkdir -p /mnt/{tmp,root,etc}
for part in tmp root etc; do mount --bind "$folder/$part" "/mnt/$part"; done
kept=0
for seen in "$@"; do
  mkdir "/mnt/$((++kept))"
  mount --bind "${seen#*=}" "/mnt/$kept"
done

mount --bind /mnt/tmp /tmp
mount --bind /mnt/root /root
mount -t tmpfs -o size=1g,mode=1777 none /dev/shm
mount -t tmpfs -o mode=755 none /run
for file in hosts resolv.conf; do mount --bind "/mnt/etc/$file" "/etc/$file"; done
kept=0
for seen in "$@"; do
  mkdir -p "${seen%%=*}"
  mount --bind "/mnt/$((++kept))" "${seen%%=*}"
  mount -o remount,bind,ro "${seen%%=*}"
done

mkdir -p /run/sshd
/usr/sbin/sshd -f /mnt/etc/sshd_config
echo up > /run/up
while :; do
  sleep 3600 &
  wait $! # bash reaps what is left to it; a bare `sleep` would leave zombies, for which `ray stop` waits
done
