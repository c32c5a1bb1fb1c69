"""Change sets like CloudFormation's: they check parameters, report replacements, and are listed per stack.

moto's change sets accept any value of a parameter, do not report replacements, and restart a stack with each one.
"""

import re

import moto.cloudformation.parsing as parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import Change, ChangeSet, CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from moto_stacks import create_resources, resources_of, update_resources, wanted, with_numbers
from moto_types import TYPES

TEMPLATE_BODY_LIMIT = 51_200
NO_VALUE = object()


def expand(node, resources_map):
    """The node with parameters, conditions and functions resolved, but not references to resources, for comparison."""
    known = {**resources_map.resolved_parameters, **{k: v for k, v in resources_map._parsed_resources.items() if k.startswith("AWS::")}}
    if isinstance(node, list):
        return [value for value in (expand(item, resources_map) for item in node) if value is not NO_VALUE]
    if not isinstance(node, dict):
        return node
    if node == {"Ref": "AWS::NoValue"}:
        return NO_VALUE
    if "Ref" in node:
        # Like in a text, where a reference to a resource stays, too.
        return known.get(node["Ref"], f"${{{node['Ref']}}}")
    if "Fn::If" in node:
        name, yes, no = node["Fn::If"]
        return expand(yes if resources_map.lazy_condition_map[name] else no, resources_map)
    if "Fn::Sub" in node:
        sub = node["Fn::Sub"]
        text, own = (sub, {}) if isinstance(sub, str) else (sub[0], expand(sub[1], resources_map))
        return re.sub(r"\$\{([\w:]+)\}", lambda m: str(own.get(m[1], known.get(m[1], m[0]))), text)
    if "Fn::Split" in node:
        by, text = expand(node["Fn::Split"], resources_map)
        return text.split(by)
    pairs = ((key, expand(value, resources_map)) for key, value in node.items())
    return {key: value for key, value in pairs if value is not NO_VALUE}


def expanded_resources(resources_map):
    return {
        name: {"Type": definition["Type"], "Properties": expand(definition.get("Properties", {}), resources_map)}
        for name, definition in resources_map._resource_json_map.items()
        if wanted(definition, resources_map)
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
                model = TYPES[new[name]["Type"]]
                replaced = model.is_replaced(old[name]["Properties"], new[name]["Properties"])
                change.replacement = "True" if replaced else "False"
            changes.append(change)
    return changes


def check_parameters(template, parameters):
    """AWS's error for a value that the template does not allow."""
    for name, definition in template.get("Parameters", {}).items():
        value, least, most = str(parameters.get(name, definition.get("Default", ""))), definition.get("MinValue"), definition.get("MaxValue")
        is_wrong = not re.fullmatch(definition.get("AllowedPattern", ".*"), value) or (
            definition["Type"] == "Number"
            and not (re.fullmatch(r"\d+", value) and (least or 0) <= int(value) <= (most or int(value)))
        )
        if is_wrong:
            why = definition.get("ConstraintDescription", f"its value is {value}")
            raise ValidationError(message=f"Parameter {name} failed to satisfy constraint: {why}")


ChangeSet.diff = diff
ChangeSet._parse_template = with_numbers(ChangeSet._parse_template)
create_change_set_of_moto = CloudFormationBackend.create_change_set


def create_change_set(backend, stack_name, change_set_name, template, parameters, change_set_type, tags=None, **rest):
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
    pending = next((stack for stack in backend.stacks.values() if stack.name == stack_name), None)
    made, stack_id = create_change_set_of_moto(
        backend, stack_name, change_set_name, template, parameters, change_set_type=change_set_type, tags=tags, **rest
    )
    change_set, stack = backend.change_sets[made], backend.stacks[stack_id]
    if change_set_type == "CREATE" and pending is not None:
        del backend.stacks[stack_id]
        change_set.stack, change_set.stack_id, stack, stack_id = pending, pending.stack_id, pending, pending.stack_id
    try:
        check_parameters(change_set.template_dict, parameters)
    except ValidationError:
        del backend.change_sets[made]
        if change_set_type == "CREATE" and pending is None:
            del backend.stacks[stack_id]
        raise
    same_outputs = change_set.template_dict.get("Outputs") == stack.template_dict.get("Outputs")
    same_tags = not tags or tags == stack.tags
    if change_set_type == "UPDATE" and not change_set.changes and same_outputs and same_tags:
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


def list_change_sets(response):
    """Only those of the requested stack that are not executed yet."""
    stack = response.cloudformation_backend.get_stack(response._get_param("StackName"))
    found = [
        change_set
        for change_set in response.cloudformation_backend.list_change_sets()
        if change_set.stack_id == stack.stack_id and change_set.execution_status != "EXECUTE_COMPLETE"
    ]
    return ActionResult({"Summaries": found})


CloudFormationResponse.list_change_sets = list_change_sets
