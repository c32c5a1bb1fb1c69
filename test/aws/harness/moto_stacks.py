"""Stacks as CloudFormation runs them: by change set, with events, outputs, roll-back, retained resources and drift.

moto has the change sets but not the rest: its stacks made by one have no outputs, it forgets resources that it
cannot update, and deletes what a policy retains only by luck. Resources are those of moto_types.
"""

import re
import time
import uuid

import moto.cloudformation.parsing as parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend, Stack, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from moto_types import TYPES

TEMPLATE_BODY_LIMIT = 51_200


class ResourceFailed(Exception):
    """A resource could not be made, changed or deleted; its event tells why."""


def find_stack(resources_map, account_id, region_name):
    return cloudformation_backends[account_id][region_name].stacks[resources_map.stack_id]


def stack_event(stack, logical_id, resource, cfn_type, status, reason=None):
    from moto.cloudformation.models import Event

    pid = resource.pid if resource is not None else ""
    stack.events.append(
        Event(stack.stack_id, stack.name, logical_id, pid, cfn_type, status, reason, resource_properties=None)
    )


def attempt(stack, logical_id, cfn_type, verb, resource, action):
    """Runs the action between its two events."""
    stack_event(stack, logical_id, resource, cfn_type, f"{verb}_IN_PROGRESS")
    try:
        made = action()
    except Exception as error:
        stack_event(stack, logical_id, resource, cfn_type, f"{verb}_FAILED", str(error))
        raise ResourceFailed(str(error)) from error
    stack_event(stack, logical_id, made or resource, cfn_type, f"{verb}_COMPLETE")
    return made


def wanted(resource_json, resources_map):
    condition = resource_json.get("Condition")
    return not condition or resources_map.lazy_condition_map[condition]


def create_resource(logical_id, resource_json, resources_map, account_id, region_name):
    """Replaces moto's: an unknown type is an error, and every step leaves an event."""
    if not wanted(resource_json, resources_map):
        return None
    cfn_type = resource_json["Type"]
    if cfn_type not in TYPES:
        raise ValidationError(message=f"Template format error: the test server does not know {cfn_type}")
    model, resolved, name = parsing.parse_resource_and_generate_name(logical_id, dict(resource_json), resources_map)
    stack = find_stack(resources_map, account_id, region_name)
    resource = attempt(
        stack, logical_id, cfn_type, "CREATE", None, lambda: model.make(name, resolved["Properties"], region_name)
    )
    resource.cf_resource_type, resource.logical_resource_id = cfn_type, logical_id
    return resource


parsing.parse_and_create_resource = create_resource


def resources_of(stack):
    """logical id → resource, in the order in which they were made."""
    parsed = stack.resource_map._parsed_resources
    return {name: one for name, one in parsed.items() if isinstance(one, tuple(TYPES.values()))}


def remove(stack, logical_id, resource, definition):
    if definition.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate"):
        stack_event(stack, logical_id, resource, resource.cf_resource_type, "DELETE_SKIPPED")
    else:
        attempt(stack, logical_id, resource.cf_resource_type, "DELETE", resource, resource.remove)


def apply(stack, template, parameters):
    """Makes the stack what the template says. Raises ResourceFailed with everything new removed again."""
    before, old_template = resources_of(stack), stack.template_dict
    stack.template, stack.parameters = template, parameters
    stack._parse_template()
    stack.description = stack.template_dict.get("Description")
    new = stack._create_resource_map()
    definitions = stack.template_dict["Resources"]
    kept = {name: one for name, one in before.items() if name in definitions and wanted(definitions[name], new)}
    new._parsed_resources.update(kept)
    replaced = []
    try:
        for _ in range(4):  # a replaced resource changes those that refer to it
            if not change_all(stack, new, definitions, kept, replaced):
                break
    except ResourceFailed:
        made = [n for n, one in new._parsed_resources.items() if isinstance(one, tuple(TYPES.values())) and n not in before]
        for name in reversed(made):
            remove(stack, name, new._parsed_resources.pop(name), {})
        # moto makes a missing resource when it is looked at: leave none to look at.
        new._resource_json_map = {name: one for name, one in definitions.items() if name in kept}
        stack.resource_map = new
        if not before:
            stack.output_map = parsing.OutputMap(new, {}, stack.stack_id)
        raise
    stack.resource_map = new
    stack.output_map = stack._create_output_map()
    gone = [(name, one, old_template["Resources"][name]) for name, one in before.items() if name not in kept]
    for name, resource, definition in reversed(gone + replaced):
        remove(stack, name, resource, definition)


def change_all(stack, new, definitions, kept, replaced):
    changed = False
    for name, definition in definitions.items():
        resource = new[name]
        if name not in kept:
            continue
        _, resolved, generated = parsing.parse_resource_and_generate_name(name, dict(definition), new)
        if resolved["Properties"] == resource.props:
            continue
        now = attempt(
            stack, name, definition["Type"], "UPDATE", resource,
            lambda r=resource, p=resolved["Properties"], g=generated: r.change(g, p),
        )
        changed = True
        if now is not resource:
            replaced.append((name, resource, definition))
            now.cf_resource_type, now.logical_resource_id = definition["Type"], name
            new._parsed_resources[name] = now
    return changed


def create_resources(stack):
    try:
        apply(stack, stack.template, stack.parameters)
        stack.mark_creation_complete()
    except ResourceFailed as failure:
        stack._add_stack_event("ROLLBACK_IN_PROGRESS", f"The following resource(s) failed to create: {failure}")
        stack._add_stack_event("ROLLBACK_COMPLETE")
        stack.status = "ROLLBACK_COMPLETE"


def update_resources(stack, template, parameters):
    stack._add_stack_event("UPDATE_IN_PROGRESS", "User Initiated")
    try:
        apply(stack, template, parameters)
        stack._add_stack_event("UPDATE_COMPLETE")
        stack.status = "UPDATE_COMPLETE"
    except ResourceFailed as failure:
        stack._add_stack_event("UPDATE_ROLLBACK_IN_PROGRESS", f"The following resource(s) failed to update: {failure}")
        stack._add_stack_event("UPDATE_ROLLBACK_COMPLETE")
        stack.status = "UPDATE_ROLLBACK_COMPLETE"


def update_stack(stack, template, role_arn=None, parameters=None, tags=None):
    update_resources(stack, template, parameters or {})
    if tags is not None:
        stack.tags = tags


def delete_stack(backend, name_or_stack_id):
    stack = next((s for s in backend.stacks.values() if name_or_stack_id in (s.name, s.stack_id)), None)
    if stack is None:
        return
    stack._add_stack_event("DELETE_IN_PROGRESS", "User Initiated")
    failures = []
    for name, resource in reversed(resources_of(stack).items()):
        try:
            remove(stack, name, resource, stack.template_dict["Resources"][name])
            del stack.resource_map._parsed_resources[name]
        except ResourceFailed:
            failures.append(name)
    if failures:
        stack.status = "DELETE_FAILED"
        stack._add_stack_event("DELETE_FAILED", f"The following resource(s) failed to delete: {failures}.")
        return
    stack._add_stack_event("DELETE_COMPLETE")
    stack.status = "DELETE_COMPLETE"
    backend.deleted_stacks[stack.stack_id] = backend.stacks.pop(stack.stack_id)


Stack.create_resources = create_resources
Stack.update = update_stack
CloudFormationBackend.delete_stack = delete_stack


def expand(node, resources_map):
    """The node with parameters and conditions filled in and references to resources left: what a diff compares."""
    known = {**resources_map.resolved_parameters, **{k: v for k, v in resources_map._parsed_resources.items() if k.startswith("AWS::")}}
    if isinstance(node, list):
        return [expand(one, resources_map) for one in node]
    if not isinstance(node, dict):
        return node
    if "Ref" in node:
        return known.get(node["Ref"], node)
    if "Fn::If" in node:
        name, yes, no = node["Fn::If"]
        return expand(yes if resources_map.lazy_condition_map[name] else no, resources_map)
    if isinstance(node.get("Fn::Sub"), str):
        return re.sub(r"\$\{([\w:]+)\}", lambda m: str(known.get(m[1], m[0])), node["Fn::Sub"])
    return {key: expand(value, resources_map) for key, value in node.items()}


def expanded_resources(resources_map):
    return {
        name: {"Type": one["Type"], "Properties": expand(one.get("Properties", {}), resources_map)}
        for name, one in resources_map._resource_json_map.items()
        if wanted(one, resources_map)
    }


def diff(change_set):
    stack = change_set.stack
    target = parsing.ResourceMap(
        stack.stack_id, stack.name, change_set.parameters, {}, stack.region_name, stack.account_id,
        change_set.template_dict, None,
    )
    target.load()
    change_set.resolved_parameters = target.resolved_parameters
    new, old = expanded_resources(target), expanded_resources(stack.resource_map) if stack.template_dict else {}
    existing = resources_of(stack)
    changes = []
    for action, names in {
        "Add": [n for n in new if n not in old],
        "Modify": [n for n in new if n in old and new[n] != old[n]],
        "Remove": [n for n in old if n not in new],
    }.items():
        for name in names:
            change = Change(action, name, (new.get(name) or old[name])["Type"])
            change.physical_resource_id = existing[name].pid if name in existing else None
            if action == "Modify":
                change.replacement = "False"
            changes.append(change)
    return changes


ChangeSet.diff = diff
create_change_set_of_moto = CloudFormationBackend.create_change_set


def create_change_set(backend, stack_name, change_set_name, template, parameters, change_set_type, **rest):
    if len(template.encode()) > TEMPLATE_BODY_LIMIT:
        raise ValidationError(
            message="1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {TEMPLATE_BODY_LIMIT}"
        )
    for stack in list(backend.stacks.values()):
        if stack.name != stack_name:
            continue
        if change_set_type == "UPDATE" and stack.status == "ROLLBACK_COMPLETE":
            raise ValidationError(
                message=f"Stack:{stack.stack_id} is in ROLLBACK_COMPLETE state and can not be updated."
            )
        if change_set_type == "CREATE" and stack.status != "REVIEW_IN_PROGRESS":
            raise ValidationError(
                message=f"Stack [{stack_name}] already exists and cannot be created again with the changeset [{change_set_name}]."
            )
        if change_set_type == "CREATE":
            del backend.stacks[stack.stack_id]
    made, stack_id = create_change_set_of_moto(
        backend, stack_name, change_set_name, template, parameters, change_set_type=change_set_type, **rest
    )
    change_set, stack = backend.change_sets[made], backend.stacks[stack_id]
    same_outputs = change_set.template_dict.get("Outputs") == stack.template_dict.get("Outputs")
    if change_set_type == "UPDATE" and not change_set.changes and same_outputs:
        change_set.status, change_set.execution_status = "FAILED", "UNAVAILABLE"
        change_set.status_reason = (
            "The submitted information didn't contain changes. Submit different information to create a change set."
        )
    else:
        change_set.status, change_set.execution_status, change_set.status_reason = "CREATE_COMPLETE", "AVAILABLE", None
    return made, stack_id


def execute_change_set(backend, change_set_name, stack_name=None):
    change_set = backend.describe_change_set(change_set_name)
    stack = backend.stacks[change_set.stack_id]
    if change_set.tags:
        stack.tags = change_set.tags
    if change_set.change_set_type == "CREATE":
        stack._add_stack_event("CREATE_IN_PROGRESS", "User Initiated")
        stack.template, stack.parameters = change_set.template, change_set.parameters
        create_resources(stack)
    else:
        update_resources(stack, change_set.template, change_set.parameters)
    change_set.execution_status = "EXECUTE_COMPLETE"


CloudFormationBackend.create_change_set = create_change_set
CloudFormationBackend.execute_change_set = execute_change_set
# UpdateStack's error, which CreateChangeSet does not raise: a change set without changes FAILS with a reason.
CloudFormationResponse._validate_different_update = lambda *args: None

DRIFTS = {}


def detect_stack_drift(response):
    stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
    found = []
    for name, resource in resources_of(stack).items():
        drift = resource.drift()
        status = "DELETED" if drift is None else "MODIFIED" if drift else "IN_SYNC"
        found.append({
            "StackId": stack.stack_id,
            "LogicalResourceId": name,
            "PhysicalResourceId": resource.pid,
            "ResourceType": resource.cf_resource_type,
            "StackResourceDriftStatus": status,
            "Timestamp": time.time(),
            "PropertyDifferences": [
                {
                    "PropertyPath": f"/{key}",
                    "ExpectedValue": str(resource.props.get(key)),
                    "ActualValue": str(value),
                    "DifferenceType": "NOT_EQUAL",
                }
                for key, value in (drift or {}).items()
            ],
        })
    detection = str(uuid.uuid4())
    DRIFTS[detection] = DRIFTS[stack.stack_id] = {"stack": stack, "found": found}
    return ActionResult({"StackDriftDetectionId": detection})


def describe_stack_drift_detection_status(response):
    detection = response._get_param("StackDriftDetectionId")
    drifted = [one for one in DRIFTS[detection]["found"] if one["StackResourceDriftStatus"] != "IN_SYNC"]
    return ActionResult({
        "StackId": DRIFTS[detection]["stack"].stack_id,
        "StackDriftDetectionId": detection,
        "StackDriftStatus": "DRIFTED" if drifted else "IN_SYNC",
        "DetectionStatus": "DETECTION_COMPLETE",
        "DriftedStackResourceCount": len(drifted),
        "Timestamp": time.time(),
    })


def describe_stack_resource_drifts(response):
    stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
    return ActionResult({"StackResourceDrifts": DRIFTS.get(stack.stack_id, {"found": []})["found"]})


CloudFormationResponse.detect_stack_drift = detect_stack_drift
CloudFormationResponse.describe_stack_drift_detection_status = describe_stack_drift_detection_status
CloudFormationResponse.describe_stack_resource_drifts = describe_stack_resource_drifts
