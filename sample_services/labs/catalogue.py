"""Every lab, in the order in which they are shown."""

from sample_services.labs import (
    batch,
    bulk_mail,
    cache,
    columns,
    gateway_direct,
    gzip,
    index,
    n_plus_one,
    pages,
    replica_crash,
    report_tables,
    retries,
    rolling_deploy,
    sync_vs_async,
    tokens,
)
from sample_services.labs.errors import LabError
from sample_services.labs.frame import Lab

__all__ = ["LABS", "find"]

_MODULES = (
    sync_vs_async,
    rolling_deploy,
    replica_crash,
    n_plus_one,
    index,
    cache,
    batch,
    retries,
    gateway_direct,
    tokens,
    gzip,
    pages,
    columns,
    report_tables,
    bulk_mail,
)

LABS: tuple[Lab, ...] = tuple(module.LAB for module in _MODULES)
"""Every lab."""


def find(name: str) -> Lab:
    """Return one lab.

    Raises:
        LabError: there is no lab of that name.
    """
    for lab in LABS:
        if lab.name == name:
            return lab
    msg = f"There is no lab {name!r}; there are {', '.join(lab.name for lab in LABS)}."
    raise LabError(msg, fix="obskit lab list")
