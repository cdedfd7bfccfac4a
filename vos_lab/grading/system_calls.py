"""Take system calls away from a worker, and look whether its walls stand (Linux).

A filter (seccomp) refuses what no answer needs and what would lead past a wall: namespaces of one's
own, in which anybody is root and mounts a file system that no limit counts; memory that is no part
of a process (``memfd``, System V); the network; the keyring, in which one answer could leave
something for the next; another process's memory. It needs no rights, changes nothing outside the
process, and is inherited by all that the process starts.

Standard library only, as it is imported before the walls stand.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

# The architecture by its number in <linux/audit.h>; for each call its numbers there.
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
REFUSED = {
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # memory that belongs to no process
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "vmsplice": (278, 75),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # keyrings
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # the network; a pair of connected sockets is another call, and stays
    "socket": (41, 198),
    # parts of the kernel in which holes are found
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "fanotify_init": (300, 262),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "syslog": (103, 116),
}
CLONE, CLONE3 = (56, 220), (435, 435)
NEW_NAMESPACES = 0x7E020000  # every flag of clone that makes one
# Signals to others, where a worker sees others; the first argument is the process.
SIGNALS = {"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131)}
QUEUED = {
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
SECCOMP = (317, 277)
FILTER, ALL_THREADS = 1, 1
DUMPABLE, DROP_CAPABILITY, NO_NEW_PRIVILEGES = 4, 24, 38
JOIN_SESSION_KEYRING = 1

# <linux/bpf_common.h>, <linux/seccomp.h>; where the number, the architecture and the low half of
# the first argument of a call lie (both architectures are little-endian).
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW, REFUSE, END_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
OTHER_NUMBERS = 0x40000000  # x32, which has the same architecture and other numbers


def refuse_system_calls(signals_to_others: bool = True) -> bool:
    """Take away from this process, and all that it will start, what no answer needs.

    Args:
        signals_to_others: whether other processes may be signalled. Where a worker has a namespace
            of processes, there are none but its own.

    Returns:
        Whether that worked.
    """
    known = ARCHITECTURES.get(platform.machine())
    if not sys.platform.startswith("linux") or known is None or sys.byteorder != "little":
        return False
    which, architecture = known
    library = ctypes.CDLL(None, use_errno=True)
    # Keys belong to a session too: this one gets a new and empty one.
    library.syscall(REFUSED["keyctl"][which], JOIN_SESSION_KEYRING, None)
    code = _program(which, architecture, signals_to_others)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    if library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(library.syscall(SECCOMP[which], FILTER, ALL_THREADS, program) == 0)


def drop_capabilities() -> None:
    """Let this process be as any other of its user, even as root, and all that it starts too."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    for number in range(64):
        library.prctl(DROP_CAPABILITY, number, 0, 0, 0)
    library.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    head = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the call, ourselves
    library.capset(head, (ctypes.c_uint32 * 6)())


def hide_memory() -> None:
    """Let no other process of the same user read or write the memory of this one."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(DUMPABLE, 0, 0, 0, 0)


def _program(which: int, architecture: int, signals_to_others: bool) -> bytes:
    """The filter, as instructions of the kernel's packet filter."""

    def step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_so, if_not, value)

    def refuse(number: int) -> bytes:
        return step(RETURN, REFUSE | number)

    steps = [
        step(LOAD, ARCHITECTURE),
        step(EQUAL, architecture, 1, 0),
        step(RETURN, END_PROCESS),
        step(LOAD, NUMBER),
        step(AT_LEAST, OTHER_NUMBERS, 0, 1),
        refuse(errno.ENOSYS),
    ]
    refused = {**REFUSED, **({} if signals_to_others else QUEUED)}
    for numbers in refused.values():
        steps += [step(EQUAL, numbers[which], 0, 1), refuse(errno.EPERM)]
    # Its flags lie in memory, where no filter can look; the C library takes clone instead.
    steps += [step(EQUAL, CLONE3[which], 0, 1), refuse(errno.ENOSYS)]
    steps += [
        step(EQUAL, CLONE[which], 0, 4),
        step(LOAD, FIRST_ARGUMENT),
        step(ANY_BIT, NEW_NAMESPACES, 0, 1),
        refuse(errno.EPERM),
        step(RETURN, ALLOW),
    ]
    if not signals_to_others:
        for numbers in SIGNALS.values():
            steps += [
                step(EQUAL, numbers[which], 0, 4),
                step(LOAD, FIRST_ARGUMENT),
                step(EQUAL, os.getpid(), 1, 0),
                refuse(errno.EPERM),
                step(RETURN, ALLOW),
            ]
    return b"".join([*steps, step(RETURN, ALLOW)])


def open_doors() -> list[str]:
    """What an answer could do here although it should not; tried, in a worker that ends after it.

    Returns:
        In words that follow "answers can".
    """
    found = []
    library = None if os.name == "nt" else ctypes.CDLL(None)
    if _reaches_network():
        found.append("use the network")
    if any(os.path.exists(path) for path in ("/var", "C:\\Users")):
        found.append("read and write every file that {who} may")
    if sys.platform.startswith("linux") and library is not None:
        which = ARCHITECTURES.get(platform.machine(), (0, 0))[0]
        if library.syscall(REFUSED["add_key"][which], b"user", b"x", b"x", 1, -3) != -1:
            found.append("leave keys in the keyring for one another")
        try:
            os.close(os.memfd_create("x"))
            found.append("hold memory that no limit counts")
        except OSError:
            pass
        if library.unshare(0x10000000) == 0:
            found.append("make namespaces of their own and mount file systems without limit")
    else:
        found.append("start programs that outlive them")
    return found


def _reaches_network() -> bool:
    try:
        socket.socket().close()
        return len(socket.if_nameindex()) > 1
    except OSError:
        return False
