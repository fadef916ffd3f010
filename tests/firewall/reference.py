"""A slow and obvious firewall: one address at a time, one rule after the other. Shares no code with the real one."""

from ipaddress import IPv4Address, IPv4Network

from shared.firewall.policy import ApplicationRule, NatRule, NetworkRule, UnknownRule

YES, NO, MAYBE = "yes", "no", "maybe"


def term_matches(term, address):
    if term == "*":
        return YES
    if "-" in term:
        first, last = term.split("-")
        return YES if int(IPv4Address(first)) <= int(address) <= int(IPv4Address(last)) else NO
    if term[0].isdigit():
        return YES if address in IPv4Network(term) else NO
    return MAYBE


def any_of(answers):
    answers = list(answers)
    return YES if YES in answers else MAYBE if MAYBE in answers else NO


def all_of(*answers):
    return NO if NO in answers else MAYBE if MAYBE in answers else YES


def group_matches(group_id, address, ip_groups):
    for key, group in ip_groups.items():
        if key.lower() == group_id.lower():
            return any_of(term_matches(term, address) for term in group.addresses)
    return MAYBE


def side_matches(addresses, groups, address, ip_groups):
    if not addresses and not groups:
        return MAYBE
    answers = [term_matches(term, address) for term in addresses]
    answers += [group_matches(each, address, ip_groups) for each in groups]
    empty = [key.lower() for key, group in ip_groups.items() if not group.addresses]
    if any(each.lower() in empty for each in groups) and any_of(answers) == YES:
        return MAYBE
    return any_of(answers)


def port_matches(terms, port):
    for term in terms:
        if term in ("*", str(port)):
            return YES
        if "-" in term and int(term.split("-")[0]) <= port <= int(term.split("-")[1]):
            return YES
    return NO


def protocol_matches(terms, protocol):
    return YES if {"any", protocol.lower()} & {term.lower() for term in terms} else NO


def ip_rule_matches(rule, groups, source, destination, port, protocol, ip_groups):
    return all_of(
        side_matches(rule.source_addresses, rule.source_ip_groups, source, ip_groups),
        side_matches(rule.destination_addresses, groups, destination, ip_groups),
        YES if protocol == "ICMP" else port_matches(rule.destination_ports, port),
        protocol_matches(rule.protocols, protocol),
    )


def name_matches(rule, fqdn):
    if fqdn is None or (not rule.target_fqdns and not rule.fqdn_tags):
        return MAYBE
    for pattern in (each.lower() for each in rule.target_fqdns):
        if pattern in ("*", fqdn) or (pattern[0] == "*" and fqdn.endswith(pattern[1:])):
            return YES
    return MAYBE if rule.fqdn_tags else NO


def application_rule_matches(rule, source, port, protocol, fqdn, ip_groups):
    spoken = [each.type for each in rule.protocols if each.port == port]
    return all_of(
        side_matches(rule.source_addresses, rule.source_ip_groups, source, ip_groups),
        YES if protocol.upper() == "TCP" else NO,
        YES if "Https" in spoken else MAYBE if spoken else NO,
        name_matches(rule, fqdn),
    )


def ordered(policy, kind):
    """(policy id, group, collection, rule) of one type, in the order they are tried."""
    found = ordered(policy.base, kind) if policy.base else []
    for group in sorted(policy.groups, key=lambda each: each.priority):
        for collection in sorted(group.collections, key=lambda each: each.priority):
            found += [(policy.id, group, collection, rule) for rule in collection.rules if isinstance(rule, kind)]
    return found


def same_effect(action, other):
    allows = {"Allow", "Dnat"}
    return action == other or (other == "Dnat" and action in allows)


def answer(action, where, maybes):
    """("allowed" | "denied" | "ambiguous", where) given the deciding rule and those that might come first."""
    if any(not same_effect(each, action) for each in maybes):
        return "ambiguous", where
    return ("denied" if action == "Deny" else "allowed"), where


def address_verdict(policy, flow, source, ip_groups, own):
    protocol, maybes = flow.protocol.upper(), []
    for place in ordered(policy, NatRule):
        rule = place[3]
        if flow.destination not in own:
            break
        matched = ip_rule_matches(rule, (), source, flow.destination, flow.port, protocol, ip_groups)
        if matched == MAYBE:
            maybes.append("Dnat")
        if matched == YES:
            to = IPv4Address(rule.translated_address), int(rule.translated_port)
            hit, more = first_network(policy, source, *to, protocol, ip_groups)
            if hit and hit[2].action == "Deny":
                return answer("Deny", hit, maybes + more)
            return answer("Dnat", place, maybes + more)
    hit, more = first_network(policy, source, flow.destination, flow.port, protocol, ip_groups)
    maybes += more
    if hit:
        return answer(hit[2].action, hit, maybes)
    for place in ordered(policy, ApplicationRule):
        matched = application_rule_matches(place[3], source, flow.port, protocol, flow.fqdn, ip_groups)
        if matched == MAYBE:
            maybes.append(place[2].action)
        if matched == YES:
            return answer(place[2].action, place, maybes)
    return answer("Deny", None, maybes)


def first_network(policy, source, destination, port, protocol, ip_groups):
    maybes = []
    for place in ordered(policy, NetworkRule | UnknownRule):
        rule = place[3]
        if isinstance(rule, UnknownRule):
            matched = MAYBE
        else:
            groups = rule.destination_ip_groups
            matched = ip_rule_matches(rule, groups, source, destination, port, protocol, ip_groups)
        if matched == MAYBE:
            maybes.append(place[2].action)
        if matched == YES:
            return place, maybes
    return None, maybes
