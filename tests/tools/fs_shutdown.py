#!/usr/bin/env python3
"""Cuts a mounted ext4 file system off, as a power cut does: nothing more reaches the disk, the journal is not
written out. Usage: fs_shutdown.py MOUNT_POINT; it says "ready" and cuts when it is sent a line.

EXT4_IOC_SHUTDOWN (linux/fs/ext4/ext4.h) with EXT4_GOING_FLAGS_NOLOGFLUSH. Here and not in the test, since a call of
ioctl is unsafe in Rust and the package forbids that.
"""

import fcntl
import os
import struct
import sys

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2

handle = os.open(sys.argv[1], os.O_RDONLY)
print("ready", flush=True)
sys.stdin.readline()
fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
