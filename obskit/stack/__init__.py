"""Starts, watches and ends everything that obskit runs on one machine without containers."""

from obskit.stack._compose import Container, compose_down, compose_status, compose_up
from obskit.stack._home import Home
from obskit.stack._identity import Identity, identify
from obskit.stack._lifecycle import STOP_SIGNALS, Report, down, uninterrupted, up
from obskit.stack._native import native_plan
from obskit.stack._own import KnownService, known_services
from obskit.stack._ports import LOOPBACK, PORTS, check_free, parse_port, resolve_ports, variable
from obskit.stack._project import OwnService, Project, attached, find_project, load_project
from obskit.stack._project_values import name_of as service_name
from obskit.stack._prometheus import add_target, remove_target
from obskit.stack._specs import Plan, Probe, ProcessSpec
from obskit.stack._state import ProcessRecord, StackRecord
from obskit.stack._status import StackStatus, current_address, current_ports, status, uptime_s
from obskit.stack._stores import EMBEDDED, Keep, Store, Stores, choose_stores
from obskit.stack._watching import Changes, Running, change_services, exchange_services

__all__ = [
    "EMBEDDED",
    "LOOPBACK",
    "PORTS",
    "STOP_SIGNALS",
    "Changes",
    "Container",
    "Home",
    "Identity",
    "Keep",
    "KnownService",
    "OwnService",
    "Plan",
    "Probe",
    "ProcessRecord",
    "ProcessSpec",
    "Project",
    "Report",
    "Running",
    "StackRecord",
    "StackStatus",
    "Store",
    "Stores",
    "add_target",
    "attached",
    "change_services",
    "check_free",
    "choose_stores",
    "compose_down",
    "compose_status",
    "compose_up",
    "current_address",
    "current_ports",
    "down",
    "exchange_services",
    "find_project",
    "identify",
    "known_services",
    "load_project",
    "native_plan",
    "parse_port",
    "remove_target",
    "resolve_ports",
    "service_name",
    "status",
    "uninterrupted",
    "up",
    "uptime_s",
    "variable",
]
