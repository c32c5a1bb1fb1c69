"""The CloudFormation types of infra/schedule.template.yaml, each created through its service's own API."""

import json

from moto_types import Kind, register, without


class Secret(Kind):
    name = "Name"
    attributes = {"Id": lambda r: r.pid}

    def create(self, api, name, p):
        # Without the stack's name, as CloudFormation does for this type.
        name = "-".join(name.rsplit("-", 2)[1:])
        return api("secretsmanager").create_secret(Name=name, Description=p.get("Description", ""))["ARN"]

    def update(self, api, pid, old, new):
        api("secretsmanager").update_secret(SecretId=pid, Description=new.get("Description", ""))

    def delete(self, api, pid, p):
        api("secretsmanager").delete_secret(SecretId=pid, ForceDeleteWithoutRecovery=True)

    def actual(self, api, pid, p):
        return {"Description": api("secretsmanager").describe_secret(SecretId=pid).get("Description")}


class Topic(Kind):
    name = "TopicName"
    attributes = {"TopicName": lambda r: r.props["TopicName"]}

    def create(self, api, name, p):
        return api("sns").create_topic(Name=name)["TopicArn"]

    def update(self, api, pid, old, new):
        pass

    def delete(self, api, pid, p):
        api("sns").delete_topic(TopicArn=pid)

    def actual(self, api, pid, p):
        api("sns").get_topic_attributes(TopicArn=pid)
        return {}


class Subscription(Kind):
    in_place = False

    def create(self, api, name, p):
        return api("sns").subscribe(
            TopicArn=p["TopicArn"], Protocol=p["Protocol"], Endpoint=p["Endpoint"], ReturnSubscriptionArn=True
        )["SubscriptionArn"]

    def delete(self, api, pid, p):
        api("sns").unsubscribe(SubscriptionArn=pid)

    def actual(self, api, pid, p):
        return {}


class Queue(Kind):
    name = "QueueName"
    attributes = {
        "Arn": lambda r: queue_attributes(r)["QueueArn"],
        "QueueName": lambda r: r.pid.rsplit("/", 1)[1],
    }

    def settings(self, p):
        return {key: str(value).lower() for key, value in without(p, "QueueName").items()}

    def create(self, api, name, p):
        return api("sqs").create_queue(QueueName=name, Attributes=self.settings(p))["QueueUrl"]

    def update(self, api, pid, old, new):
        api("sqs").set_queue_attributes(QueueUrl=pid, Attributes=self.settings(new))

    def delete(self, api, pid, p):
        api("sqs").delete_queue(QueueUrl=pid)

    def actual(self, api, pid, p):
        api("sqs").get_queue_attributes(QueueUrl=pid, AttributeNames=["All"])
        return {}


def queue_attributes(resource):
    return resource.api("sqs").get_queue_attributes(QueueUrl=resource.pid, AttributeNames=["All"])["Attributes"]


class LogGroup(Kind):
    name = "LogGroupName"
    attributes = {"Arn": lambda r: log_group(r)["arn"]}

    def create(self, api, name, p):
        api("logs").create_log_group(logGroupName=name)
        self.update(api, name, {}, p)
        return name

    def update(self, api, pid, old, new):
        api("logs").put_retention_policy(logGroupName=pid, retentionInDays=int(new["RetentionInDays"]))

    def delete(self, api, pid, p):
        api("logs").delete_log_group(logGroupName=pid)

    def actual(self, api, pid, p):
        return {}


def log_group(resource):
    return resource.api("logs").describe_log_groups(logGroupNamePrefix=resource.pid)["logGroups"][0]


class Function(Kind):
    name = "FunctionName"
    attributes = {"Arn": lambda r: r.api("lambda").get_function(FunctionName=r.pid)["Configuration"]["FunctionArn"]}

    def settings(self, p):
        numbers = {key: int(p[key]) for key in ("MemorySize", "Timeout") if key in p}
        return {**without(p, "FunctionName", "Code", "Architectures"), **numbers}

    def create(self, api, name, p):
        api("lambda").create_function(
            FunctionName=name, Code=p["Code"], Architectures=p["Architectures"], **self.settings(p)
        )
        return name

    def update(self, api, pid, old, new):
        if old["Code"] != new["Code"]:
            api("lambda").update_function_code(FunctionName=pid, **new["Code"])
        # moto's update does not know all settings of a function.
        known = ("Description", "Handler", "MemorySize", "Role", "Runtime", "Timeout", "Environment")
        settings = {key: value for key, value in self.settings(new).items() if key in known}
        api("lambda").update_function_configuration(FunctionName=pid, **settings)

    def delete(self, api, pid, p):
        api("lambda").delete_function(FunctionName=pid)

    def actual(self, api, pid, p):
        have = api("lambda").get_function_configuration(FunctionName=pid)
        return {"Handler": have["Handler"], "Timeout": have["Timeout"]}


class EventInvokeConfig(Kind):
    def create(self, api, name, p):
        settings = without(p, "Qualifier")
        settings["MaximumRetryAttempts"] = int(p["MaximumRetryAttempts"])
        settings["MaximumEventAgeInSeconds"] = int(p["MaximumEventAgeInSeconds"])
        api("lambda").put_function_event_invoke_config(**settings)
        return p["FunctionName"]

    def update(self, api, pid, old, new):
        self.create(api, pid, new)

    def delete(self, api, pid, p):
        api("lambda").delete_function_event_invoke_config(FunctionName=p["FunctionName"])

    def actual(self, api, pid, p):
        return {}


class Schedule(Kind):
    name = "Name"
    attributes = {"Arn": lambda r: r.api("scheduler").get_schedule(Name=r.pid)["Arn"]}

    def settings(self, p):
        window = dict(p["FlexibleTimeWindow"])
        window["MaximumWindowInMinutes"] = int(window["MaximumWindowInMinutes"])
        target = json.loads(json.dumps(p["Target"]))
        target["RetryPolicy"] = {key: int(value) for key, value in target["RetryPolicy"].items()}
        return {**without(p, "Name"), "FlexibleTimeWindow": window, "Target": target}

    def create(self, api, name, p):
        api("scheduler").create_schedule(Name=name, **self.settings(p))
        return name

    def update(self, api, pid, old, new):
        api("scheduler").update_schedule(Name=pid, **self.settings(new))

    def delete(self, api, pid, p):
        api("scheduler").delete_schedule(Name=pid)

    def actual(self, api, pid, p):
        return {"ScheduleExpression": api("scheduler").get_schedule(Name=pid)["ScheduleExpression"]}


class Alarm(Kind):
    name = "AlarmName"
    attributes = {"Arn": lambda r: alarm(r)["AlarmArn"]}

    def create(self, api, name, p):
        numbers = {key: int(p[key]) for key in ("Period", "EvaluationPeriods")}
        api("cloudwatch").put_metric_alarm(
            AlarmName=name, **{**without(p, "AlarmName"), **numbers, "Threshold": float(p["Threshold"])}
        )
        return name

    def update(self, api, pid, old, new):
        self.create(api, pid, new)

    def delete(self, api, pid, p):
        api("cloudwatch").delete_alarms(AlarmNames=[pid])

    def actual(self, api, pid, p):
        return {}


def alarm(resource):
    return resource.api("cloudwatch").describe_alarms(AlarmNames=[resource.pid])["MetricAlarms"][0]


register("AWS::SecretsManager::Secret", Secret())
register("AWS::SNS::Topic", Topic())
register("AWS::SNS::Subscription", Subscription())
register("AWS::SQS::Queue", Queue())
register("AWS::Logs::LogGroup", LogGroup())
register("AWS::Lambda::Function", Function())
register("AWS::Lambda::EventInvokeConfig", EventInvokeConfig())
register("AWS::Scheduler::Schedule", Schedule())
register("AWS::CloudWatch::Alarm", Alarm())
