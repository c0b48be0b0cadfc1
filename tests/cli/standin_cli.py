"""The command line with small servers in the place of the real ones: STANDIN_FLAGS are those of orders."""

import os
import sys
from pathlib import Path

from obskit import stack
from obskit.cli.main import run
from obskit.stack._launch import python_module
from obskit.stack._specs import StackFault

STANDIN = Path(__file__).parents[1] / "stack" / "standin.py"


def standin_plan(home, *, ports, time_scale, owner, stores, project=None):
    def server(name, *flags, **fields):
        return stack.ProcessSpec(
            name=name,
            argv=(sys.executable, str(STANDIN), str(ports[name]), *flags),
            ports={name: ports[name]},
            ready=stack.Probe(ports[name], "/readyz"),
            url=f"http://127.0.0.1:{ports[name]}",
            **fields,
        )

    keeper = stack.ProcessSpec(name="keeper", argv=python_module("obskit.stack", "keep", str(home.root)))
    flags = os.environ.get("STANDIN_FLAGS", "").split()
    processes = (keeper, server("nats"), server("orders", *flags, after=("nats",)))
    faults = (StackFault(id="broker-down", levels=(100,), action="stop", process="nats"),)
    return stack.Plan(
        processes=processes,
        ports=dict(ports),
        time_scale=time_scale,
        owner=owner,
        addresses=stores.addresses,
        faults=faults,
        control_port=ports["supervisor"],
    )


stack.native_plan = standin_plan
run()
