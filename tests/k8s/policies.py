"""NetworkPolicies evaluated as Kubernetes does: who may reach whom, and on which ports.

Pods of one namespace; outside places are addresses or pods of other namespaces. An ipBlock never
stands for a pod of the chart here, because network plugins differ on that.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from tests.k8s.documents import Document, matches


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a connection: a pod (labels, namespace) or an address."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    namespace: str | None = "harness"
    address: str | None = None


Policies = tuple[Document, ...]


def component(name: str) -> Place:
    """A pod of the chart by its component."""
    return Place(name, (("app.kubernetes.io/component", name),))


def allowed(
    policies: Policies, source: Place, target: Place, port: int, protocol: str = "TCP"
) -> bool:
    """Whether a connection passes its source's egress rules and its target's ingress rules."""
    return passes(policies, "Egress", source, target, port, protocol) and passes(
        policies, "Ingress", target, source, port, protocol
    )


def passes(
    policies: Policies,
    direction: str,
    guarded: Place,
    other: Place,
    port: int,
    protocol: str = "TCP",
) -> bool:
    """Whether one end's own policies, "Egress" or "Ingress", let a connection pass."""
    if guarded.namespace != "harness" or guarded.address is not None:
        return True
    selecting = [
        policy["spec"]
        for policy in policies
        if direction in policy["spec"]["policyTypes"]
        and matches(policy["spec"]["podSelector"], dict(guarded.labels))
    ]
    if not selecting:
        return True
    key, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
    return any(
        _rule(rule, peers, other, port, protocol)
        for spec in selecting
        for rule in spec.get(key) or []
    )


def _rule(rule: Document, peers: str, other: Place, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    if ports and not any(
        one.get("protocol", "TCP") == protocol and one.get("port") in (None, port) for one in ports
    ):
        return False
    return not rule.get(peers) or any(_peer(peer, other) for peer in rule[peers])


def _peer(peer: Document, other: Place) -> bool:
    if block := peer.get("ipBlock"):
        if other.address is None:
            return False
        address = ipaddress.ip_address(other.address)
        excluded = any(address in ipaddress.ip_network(net) for net in block.get("except", []))
        return address in ipaddress.ip_network(block["cidr"]) and not excluded
    if other.address is not None:
        return False
    if selector := peer.get("namespaceSelector"):
        if not matches(selector, {"kubernetes.io/metadata.name": other.namespace or ""}):
            return False
    elif other.namespace != "harness":
        return False
    return matches(peer.get("podSelector", {}), dict(other.labels))
