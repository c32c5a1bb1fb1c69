"""The CloudFormation types that infra/usage-api.template.yaml uses, each created through its service's own API.

moto's CloudFormation silently skips Glue, Athena and bucket policies, and most properties of a bucket. Here every type
creates, updates and deletes its resources with boto3 on this server, so the services return what a stack created, and
botocore rejects unknown properties.
"""

import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.common_models import CloudFormationModel

TYPES = {}
INTERNAL = "stack-of-the-test-server"


def client(service, region):
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{os.environ['MOTO_PORT']}",
        region_name=region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(user_agent_extra=INTERNAL, retries={"max_attempts": 1}),
    )


def without(properties, *names):
    return {key: value for key, value in properties.items() if key not in names}


class Kind:
    """A resource type. `name` is the property with the resource's name, `attributes` are for Fn::GetAtt, and `in_place` is
    False if CloudFormation replaces the resource at any change."""

    name = ""
    attributes = {}
    in_place = True

    def create(self, api, name, p):
        """Creates it and returns its physical id."""
        raise NotImplementedError

    def update(self, api, pid, old, new):
        """Updates it in place."""
        raise NotImplementedError

    def delete(self, api, pid, p):
        raise NotImplementedError

    def actual(self, api, pid, p):
        """The current properties in the service, for drift: those of `p` that can be compared."""
        raise NotImplementedError


class Bucket(Kind):
    name = "BucketName"
    attributes = {
        "Arn": lambda r: f"arn:aws:s3:::{r.pid}",
        "DomainName": lambda r: f"{r.pid}.s3.amazonaws.com",
        "RegionalDomainName": lambda r: f"{r.pid}.s3.{r.region}.amazonaws.com",
    }

    def create(self, api, name, p):
        s3 = api("s3")
        try:
            s3.head_bucket(Bucket=name)
        except ClientError:
            pass
        else:  # S3 in us-east-1 silently accepts a bucket that you already own; CloudFormation does not.
            raise ValueError(f"{name} already exists")
        where = {} if s3.meta.region_name == "us-east-1" else {
            "CreateBucketConfiguration": {"LocationConstraint": s3.meta.region_name}
        }
        s3.create_bucket(Bucket=name, **where)
        self.update(api, name, {}, p)
        return name

    def update(self, api, pid, old, new):
        s3 = api("s3")
        for prop, value in new.items():
            match prop:
                case "BucketName" | "Tags":
                    pass
                case "BucketEncryption":
                    rules = [
                        {
                            **without(rule, "ServerSideEncryptionByDefault"),
                            "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
                        }
                        for rule in value["ServerSideEncryptionConfiguration"]
                    ]
                    s3.put_bucket_encryption(Bucket=pid, ServerSideEncryptionConfiguration={"Rules": rules})
                case "PublicAccessBlockConfiguration":
                    s3.put_public_access_block(Bucket=pid, PublicAccessBlockConfiguration=value)
                case "OwnershipControls":
                    s3.put_bucket_ownership_controls(Bucket=pid, OwnershipControls=value)
                case "VersioningConfiguration":
                    s3.put_bucket_versioning(Bucket=pid, VersioningConfiguration=value)
                case "LoggingConfiguration":
                    logging = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value["LogFilePrefix"]}
                    s3.put_bucket_logging(Bucket=pid, BucketLoggingStatus={"LoggingEnabled": logging})
                case "LifecycleConfiguration":
                    rules = [lifecycle_rule(rule) for rule in value["Rules"]]
                    s3.put_bucket_lifecycle_configuration(Bucket=pid, LifecycleConfiguration={"Rules": rules})
                case _:
                    raise ValueError(f"the test server does not know the bucket property {prop}")
        if new.get("Tags"):
            s3.put_bucket_tagging(Bucket=pid, Tagging={"TagSet": new["Tags"]})

    def delete(self, api, pid, p):
        api("s3").delete_bucket(Bucket=pid)

    def actual(self, api, pid, p):
        s3 = api("s3")
        s3.head_bucket(Bucket=pid)
        try:
            block = s3.get_public_access_block(Bucket=pid)["PublicAccessBlockConfiguration"]
        except ClientError:
            block = None
        return {"PublicAccessBlockConfiguration": block}


def lifecycle_rule(rule):
    out = without(rule, "Id", "Prefix", "ExpirationInDays", "ExpiredObjectDeleteMarker")
    expiration = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = rule["ExpiredObjectDeleteMarker"]
    if expiration:
        out["Expiration"] = expiration
    return {**out, "ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}}


class BucketPolicy(Kind):
    def create(self, api, name, p):
        api("s3").put_bucket_policy(Bucket=p["Bucket"], Policy=json.dumps(p["PolicyDocument"]))
        return p["Bucket"]

    def update(self, api, pid, old, new):
        self.create(api, pid, new)

    def delete(self, api, pid, p):
        api("s3").delete_bucket_policy(Bucket=pid)

    def actual(self, api, pid, p):
        return {"PolicyDocument": json.loads(api("s3").get_bucket_policy(Bucket=pid)["Policy"])}


class ManagedPolicy(Kind):
    name = "ManagedPolicyName"
    attributes = {"PolicyArn": lambda r: r.pid}

    def create(self, api, name, p):
        made = api("iam").create_policy(
            PolicyName=name,
            PolicyDocument=json.dumps(p["PolicyDocument"]),
            Description=p.get("Description", ""),
            Path=p.get("Path", "/"),
        )
        return made["Policy"]["Arn"]

    def update(self, api, pid, old, new):
        iam = api("iam")
        versions = iam.list_policy_versions(PolicyArn=pid)["Versions"]
        for version in versions[4:]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=pid, VersionId=version["VersionId"])
        iam.create_policy_version(PolicyArn=pid, PolicyDocument=json.dumps(new["PolicyDocument"]), SetAsDefault=True)

    def delete(self, api, pid, p):
        iam = api("iam")
        held = iam.list_entities_for_policy(PolicyArn=pid)
        if held["PolicyUsers"] or held["PolicyRoles"] or held["PolicyGroups"]:
            raise ValueError("Cannot delete a policy attached to entities.")
        iam.delete_policy(PolicyArn=pid)

    def actual(self, api, pid, p):
        iam = api("iam")
        version = iam.get_policy(PolicyArn=pid)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=pid, VersionId=version)["PolicyVersion"]["Document"]
        return {"PolicyDocument": document}


class Role(Kind):
    name = "RoleName"
    attributes = {"Arn": lambda r: r.api("iam").get_role(RoleName=r.pid)["Role"]["Arn"]}

    def create(self, api, name, p):
        api("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=json.dumps(p["AssumeRolePolicyDocument"]),
            Description=p.get("Description", ""),
            **{key: p[key] for key in ("Path", "PermissionsBoundary") if key in p},
        )
        self.grant(api, name, p)
        return name

    def grant(self, api, name, p):
        iam = api("iam")
        for arn in p.get("ManagedPolicyArns", []):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in p.get("Policies", []):
            iam.put_role_policy(
                RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(policy["PolicyDocument"])
            )

    def strip(self, api, name):
        iam = api("iam")
        for policy in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)

    def update(self, api, pid, old, new):
        api("iam").update_assume_role_policy(
            RoleName=pid, PolicyDocument=json.dumps(new["AssumeRolePolicyDocument"])
        )
        if new.get("PermissionsBoundary"):
            api("iam").put_role_permissions_boundary(RoleName=pid, PermissionsBoundary=new["PermissionsBoundary"])
        elif old.get("PermissionsBoundary"):
            api("iam").delete_role_permissions_boundary(RoleName=pid)
        self.strip(api, pid)
        self.grant(api, pid, new)

    def delete(self, api, pid, p):
        self.strip(api, pid)
        api("iam").delete_role(RoleName=pid)

    def actual(self, api, pid, p):
        role = api("iam").get_role(RoleName=pid)["Role"]
        return {"AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"]}


class Database(Kind):
    def create(self, api, name, p):
        api("glue").create_database(DatabaseInput=p["DatabaseInput"])
        return p["DatabaseInput"]["Name"]

    def update(self, api, pid, old, new):
        api("glue").update_database(Name=pid, DatabaseInput=new["DatabaseInput"])

    def delete(self, api, pid, p):
        api("glue").delete_database(Name=pid)

    def actual(self, api, pid, p):
        api("glue").get_database(Name=pid)
        return {}


class Table(Kind):
    def create(self, api, name, p):
        api("glue").create_table(DatabaseName=p["DatabaseName"], TableInput=p["TableInput"])
        return p["TableInput"]["Name"]

    def update(self, api, pid, old, new):
        api("glue").update_table(DatabaseName=new["DatabaseName"], TableInput=new["TableInput"])

    def delete(self, api, pid, p):
        api("glue").delete_table(DatabaseName=p["DatabaseName"], Name=pid)

    def actual(self, api, pid, p):
        api("glue").get_table(DatabaseName=p["DatabaseName"], Name=pid)
        return {}


class Crawler(Kind):
    name = "Name"

    def create(self, api, name, p):
        schedule = {"Schedule": p["Schedule"]["ScheduleExpression"]} if p.get("Schedule") else {}
        api("glue").create_crawler(Name=name, **without(p, "Name", "Schedule"), **schedule)
        return name

    def update(self, api, pid, old, new):
        self.delete(api, pid, old)  # moto has no UpdateCrawler
        self.create(api, pid, new)

    def delete(self, api, pid, p):
        api("glue").delete_crawler(Name=pid)

    def actual(self, api, pid, p):
        crawler = api("glue").get_crawler(Name=pid)["Crawler"]
        return {"SchemaChangePolicy": crawler.get("SchemaChangePolicy")}


class WorkGroup(Kind):
    name = "Name"

    def create(self, api, name, p):
        api("athena").create_work_group(
            Name=name,
            Configuration=p.get("WorkGroupConfiguration", {}),
            Description=p.get("Description", ""),
            Tags=p.get("Tags", []),
        )
        return name

    def update(self, api, pid, old, new):
        self.delete(api, pid, old)  # moto has no UpdateWorkGroup
        self.create(api, pid, new)

    def delete(self, api, pid, p):
        api("athena").delete_work_group(WorkGroup=pid, RecursiveDeleteOption=True)

    def actual(self, api, pid, p):
        have = api("athena").get_work_group(WorkGroup=pid)["WorkGroup"]["Configuration"]
        want = p.get("WorkGroupConfiguration", {})
        return {"WorkGroupConfiguration": {key: have.get(key) for key in want}}


class NamedQuery(Kind):
    name = "Name"
    in_place = False
    attributes = {"NamedQueryId": lambda r: r.pid}

    def create(self, api, name, p):
        return api("athena").create_named_query(**p)["NamedQueryId"]

    def delete(self, api, pid, p):
        from moto.athena.models import athena_backends  # moto has no DeleteNamedQuery
        from moto.core import DEFAULT_ACCOUNT_ID

        athena_backends[DEFAULT_ACCOUNT_ID][api("athena").meta.region_name].named_queries.pop(pid, None)

    def actual(self, api, pid, p):
        query = api("athena").get_named_query(NamedQueryId=pid)["NamedQuery"]
        return {"QueryString": query["QueryString"]}


class PrincipalPermissions(Kind):
    in_place = False

    def create(self, api, name, p):
        api("lakeformation").grant_permissions(**p)
        return json.dumps(p, sort_keys=True)

    def delete(self, api, pid, p):
        api("lakeformation").revoke_permissions(**p)

    def actual(self, api, pid, p):
        return {}


def register(cfn_type, kind):
    """moto finds its models among CloudFormationModel's direct subclasses; the last of a type wins."""

    class Model(CloudFormationModel):
        __module__ = "moto.stack.types"  # moto's metaclass reads the second word

        def __init__(self, pid, props, region):
            self.pid, self.props, self.region = pid, props, region

        def api(self, service):
            return client(service, self.region)

        @property
        def physical_resource_id(self):
            return self.pid

        @staticmethod
        def cloudformation_name_type():
            return kind.name

        @staticmethod
        def cloudformation_type():
            return cfn_type

        @classmethod
        def has_cfn_attr(cls, attr):
            return attr in kind.attributes

        def get_cfn_attribute(self, attr):
            return kind.attributes[attr](self)

        @classmethod
        def make(cls, name, props, region):
            return cls(kind.create(lambda service: client(service, region), name, props), props, region)

        @classmethod
        def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kw):
            raise NotImplementedError("stacks are created by moto_stacks.py")

        @classmethod
        def is_replaced(cls, old, new):
            named = (kind.name and old.get(kind.name) != new.get(kind.name)) or identity(old) != identity(new)
            return bool(named) or not kind.in_place

        def change(self, name, props):
            """Updates in place if the service can and the name is unchanged, else creates a new one. Returns the resource to use."""
            if self.is_replaced(self.props, props):
                return type(self).make(name, props, self.region)
            kind.update(self.api, self.pid, self.props, props)
            self.props = props
            return self

        def remove(self):
            try:
                kind.delete(self.api, self.pid, self.props)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if not any(word in code for word in ("NotFound", "NoSuch", "404")):
                    raise

        def drift(self):
            """None if it is deleted, else the properties that differ."""
            try:
                actual = kind.actual(self.api, self.pid, self.props)
            except ClientError as error:
                if any(word in error.response["Error"]["Code"] for word in ("NotFound", "NoSuch", "404", "Invalid")):
                    return None
                raise
            return {key: value for key, value in actual.items() if value != self.props.get(key)}

        def is_created(self):
            return True

    Model.__name__ = cfn_type.replace("::", "_")
    TYPES[cfn_type] = Model


def identity(props):
    """The name of a Glue database or table cannot be changed in place, nor can the path of a role or policy, nor a
    policy's description."""
    inner = props.get("DatabaseInput") or props.get("TableInput") or {}
    database = props.get("DatabaseName") if "TableInput" in props else None
    described = props.get("Description") if "PolicyDocument" in props else None
    return (database, inner.get("Name"), props.get("Bucket"), props.get("Path"), described)


register("AWS::S3::Bucket", Bucket())
register("AWS::S3::BucketPolicy", BucketPolicy())
register("AWS::IAM::ManagedPolicy", ManagedPolicy())
register("AWS::IAM::Role", Role())
register("AWS::LakeFormation::PrincipalPermissions", PrincipalPermissions())
register("AWS::Glue::Database", Database())
register("AWS::Glue::Table", Table())
register("AWS::Glue::Crawler", Crawler())
register("AWS::Athena::WorkGroup", WorkGroup())
register("AWS::Athena::NamedQuery", NamedQuery())
