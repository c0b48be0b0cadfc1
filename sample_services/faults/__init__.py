"""Faults: things that are broken on purpose, live, at a level, with evidence of each hit.

``faults.yaml`` lists them. The ones that act in a service are made of the mechanisms in this
package, one file a family; the ones that act by load or on the stack are switched elsewhere.
"""

from sample_services.faults._active import InjectedFaultError, Reach
from sample_services.faults._mechanisms import MECHANISMS
from sample_services.faults._rows import CATALOGUE, Fault, Panel, load
from sample_services.faults._switch import Faults

__all__ = ["CATALOGUE", "MECHANISMS", "Fault", "Faults", "InjectedFaultError", "Panel", "Reach", "load"]
