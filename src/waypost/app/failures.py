"""What the machine could not do, and text that is none, as errors of ours: what, where, and how to mend it."""

import errno
import os

from waypost.engines.local.disk import is_full
from waypost.model.errors import BadInput, StorageFull, StoreError, WaypostError

_RIGHTS = "Give the user that runs Waypost the right to it, or name another folder by --home."
_KIND = "A file stands where a folder is needed, or a folder where a file is: move it away."
_UNKNOWN = "See what is wrong with that file or device, then do it again."

_MENDS = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "Nothing can be written there: mount it for writing, or name another folder by --home.",
    errno.ENAMETOOLONG: "Give a shorter path.",
    errno.ENOENT: "See that the path is right and that something can be made there.",
    errno.ENOTDIR: _KIND,
    errno.EISDIR: _KIND,
    errno.EEXIST: _KIND,
    errno.ELOOP: "Its links lead round in a circle: mend them.",
    errno.EMFILE: "Let the process open more files (ulimit -n).",
}


def explain(error: OSError | UnicodeError | MemoryError) -> WaypostError:
    """The error of ours that says the same, with what to do about it."""
    if isinstance(error, UnicodeError):
        return BadInput(f"text that is not UTF-8: {error}", mend="Write it in UTF-8.")
    if isinstance(error, MemoryError):
        return StoreError("the memory is used up", mend="Give the process more of it, or less to do at once.")
    told = error.strerror or str(error)
    if isinstance(error.filename, str | bytes):
        told = f"{os.fsdecode(error.filename)}: {told}"
    if is_full(error):
        return StorageFull(told, mend="Make room, then do it again: what was acknowledged is kept.")
    return StoreError(told, mend=_MENDS.get(error.errno or 0, _UNKNOWN))
