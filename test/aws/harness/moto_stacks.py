"""Stacks like CloudFormation's: with events, outputs, rollback, retained resources and drift.

In moto, stacks from a change set have no outputs, resources that cannot be updated are lost, and retention policies
do not always work. The resources are those of moto_types; moto_change_sets creates the plans.
"""

import time
import uuid

import moto.cloudformation.parsing as parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack, cloudformation_backends
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from moto_types import TYPES


class ResourceFailed(Exception):
    """A resource could not be created, updated or deleted; its event contains the reason."""


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


def with_numbers(parse):
    """Converts the default of a Number to a number. moto converts only given values."""

    def parsed(self):
        parse(self)
        for parameter in self.template_dict.get("Parameters", {}).values():
            if parameter["Type"] == "Number" and "Default" in parameter:
                parameter["Default"] = int(parameter["Default"])

    return parsed


def parsed_resource(logical_id, definition, resources_map):
    model, resolved, name = parsing.parse_resource_and_generate_name(logical_id, dict(definition), resources_map)
    resolved["Properties"] = present(resolved["Properties"])
    return model, resolved, name


def present(value):
    """AWS::NoValue removes an item from a list; moto leaves None there."""
    if isinstance(value, list):
        return [present(item) for item in value if item is not None]
    return {name: present(item) for name, item in value.items()} if isinstance(value, dict) else value


def create_resource(logical_id, resource_json, resources_map, account_id, region_name):
    """Replaces moto's version: an unknown type is an error, and every step creates an event."""
    if not wanted(resource_json, resources_map):
        return None
    cfn_type = resource_json["Type"]
    if cfn_type not in TYPES:
        raise ValidationError(message=f"Template format error: the test server does not know {cfn_type}")
    model, resolved, name = parsed_resource(logical_id, resource_json, resources_map)
    stack = find_stack(resources_map, account_id, region_name)
    resource = attempt(
        stack, logical_id, cfn_type, "CREATE", None, lambda: model.make(name, resolved["Properties"], region_name)
    )
    resource.cf_resource_type, resource.logical_resource_id = cfn_type, logical_id
    return resource


parsing.parse_and_create_resource = create_resource


def resources_of(stack):
    """logical id → resource, in order of creation."""
    parsed = stack.resource_map._parsed_resources
    return {name: resource for name, resource in parsed.items() if isinstance(resource, tuple(TYPES.values()))}


def remove(stack, logical_id, resource, definition):
    if definition.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate"):
        stack_event(stack, logical_id, resource, resource.cf_resource_type, "DELETE_SKIPPED")
    else:
        attempt(stack, logical_id, resource.cf_resource_type, "DELETE", resource, resource.remove)


def apply(stack, template, parameters):
    """Updates the stack to the template. Raises ResourceFailed after removing all new resources."""
    before, old_template = resources_of(stack), stack.template_dict
    stack.template, stack.parameters = template, parameters
    stack._parse_template()
    stack.description = stack.template_dict.get("Description")
    new = stack._create_resource_map()
    definitions = stack.template_dict["Resources"]
    kept = {name: resource for name, resource in before.items() if name in definitions and wanted(definitions[name], new)}
    new._parsed_resources.update(kept)
    replaced = []
    try:
        for _ in range(4):  # a replaced resource changes the resources that refer to it
            if not change_all(stack, new, definitions, kept, replaced):
                break
    except ResourceFailed:
        made = [
            name
            for name, resource in new._parsed_resources.items()
            if isinstance(resource, tuple(TYPES.values())) and name not in before
        ]
        for name in reversed(made):
            remove(stack, name, new._parsed_resources.pop(name), {})
        # moto creates a missing resource when it is accessed, so remove the definitions of missing ones.
        new._resource_json_map = {name: definition for name, definition in definitions.items() if name in kept}
        stack.resource_map = new
        if not before:
            stack.output_map = parsing.OutputMap(new, {}, stack.stack_id)
        raise
    stack.resource_map = new
    stack.output_map = stack._create_output_map()
    gone = [(name, resource, old_template["Resources"][name]) for name, resource in before.items() if name not in kept]
    for name, resource, definition in reversed(gone + replaced):
        remove(stack, name, resource, definition)


def change_all(stack, new, definitions, kept, replaced):
    changed = False
    for name, definition in definitions.items():
        resource = new[name]
        if name not in kept:
            continue
        _, resolved, generated = parsed_resource(name, definition, new)
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


Stack._parse_template = with_numbers(Stack._parse_template)
Stack.create_resources = create_resources
Stack.update = update_stack
CloudFormationBackend.delete_stack = delete_stack


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
    drifted = [resource for resource in DRIFTS[detection]["found"] if resource["StackResourceDriftStatus"] != "IN_SYNC"]
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


def update_termination_protection(response):
    stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
    stack.enable_termination_protection = response._get_bool_param("EnableTerminationProtection")
    return ActionResult({"StackId": stack.stack_id})


CloudFormationResponse.update_termination_protection = update_termination_protection
CloudFormationResponse.detect_stack_drift = detect_stack_drift
CloudFormationResponse.describe_stack_drift_detection_status = describe_stack_drift_detection_status
CloudFormationResponse.describe_stack_resource_drifts = describe_stack_resource_drifts

# A resource with a false condition does not exist, but moto lists it without a type.
Stack.stack_resources = property(lambda stack: [resource for resource in stack.resource_map.values() if resource is not None])
