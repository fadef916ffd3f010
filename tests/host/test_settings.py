import json
from datetime import timedelta

import pytest

from local.azurite import development_connection_string
from local.host.connections import connection_string
from local.host.errors import HostError
from local.host.settings import (
    HostOptions,
    add_to_environment,
    expand_settings,
    is_disabled,
    read_host_options,
    read_local_settings,
)


def options(tmp_path, **document: object) -> HostOptions:
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0", **document}))
    return read_host_options(tmp_path)


def test_empty_host_json_has_the_real_defaults(tmp_path):
    read = options(tmp_path)

    assert (read.route_prefix, read.function_timeout) == ("api", timedelta(minutes=30))
    assert (read.queues.batch_size, read.queues.new_batch_threshold, read.queues.max_dequeue_count) == (16, 8, 5)
    assert read.queues.visibility_timeout == timedelta(0)
    assert read.queues.max_polling_interval == timedelta(minutes=1)
    assert read.queues.base64


def test_host_json_is_read(tmp_path):
    queues = {
        "batchSize": 10,
        "maxPollingInterval": "00:00:00.010",
        "visibilityTimeout": "1.02:03:04",
        "messageEncoding": "none",
    }

    read = options(tmp_path, functionTimeout="-1", extensions={"http": {"routePrefix": ""}, "queues": queues})

    assert (read.route_prefix, read.function_timeout) == ("", None)
    assert (read.queues.batch_size, read.queues.new_batch_threshold) == (10, 5)
    assert read.queues.max_polling_interval == timedelta(milliseconds=100)
    assert read.queues.visibility_timeout == timedelta(days=1, hours=2, minutes=3, seconds=4)
    assert not read.queues.base64


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 33},
        {"batchSize": "16"},
        {"newBatchThreshold": -1},
        {"maxDequeueCount": 0},
        {"visibilityTimeout": "1 minute"},
        {"messageEncoding": "base65"},
    ],
)
def test_wrong_queue_option_is_named(tmp_path, queues):
    with pytest.raises(HostError, match=next(iter(queues))):
        options(tmp_path, extensions={"queues": queues})


def test_missing_or_broken_host_json_is_an_error(tmp_path):
    with pytest.raises(HostError, match="does not exist"):
        read_host_options(tmp_path)
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(HostError, match="not JSON"):
        read_host_options(tmp_path)
    (tmp_path / "host.json").write_text("[]")
    with pytest.raises(HostError, match="not a JSON object"):
        read_host_options(tmp_path)


def test_local_settings_do_not_replace_the_environment(tmp_path):
    path = tmp_path / "local.settings.json"
    path.write_text('{"Values": {"A": "file", "B": "file"}}')
    environment = {"A": "environment"}

    add_to_environment(read_local_settings(path), environment)

    assert environment == {"A": "environment", "B": "file"}


@pytest.mark.parametrize("document", ['{"IsEncrypted": true}', '{"Values": {"A": 1}}'])
def test_unusable_local_settings_are_refused(tmp_path, document):
    path = tmp_path / "local.settings.json"
    path.write_text(document)

    with pytest.raises(HostError):
        read_local_settings(path)


def test_settings_are_expanded_in_binding_properties():
    assert expand_settings("a-%X%-%Y%", {"X": "1", "Y": "2"}, used_in="f") == "a-1-2"
    with pytest.raises(HostError, match="'%Z%' does not resolve"):
        expand_settings("%Z%", {}, used_in="f")


@pytest.mark.parametrize(("value", "disabled"), [("true", True), ("True", True), ("1", True), ("false", False)])
def test_setting_disables_a_function(value, disabled):
    assert is_disabled("f", {"AzureWebJobs.f.Disabled": value}) is disabled
    assert not is_disabled("g", {"AzureWebJobs.f.Disabled": value})


def test_development_storage_is_written_out():
    environment = {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "AzureWebJobsOther": "other"}

    assert connection_string("", environment) == development_connection_string()
    assert connection_string("Other", environment) == "other"


@pytest.mark.parametrize("part", ["accountName", "queueServiceUri"])
def test_connection_by_identity_is_refused_with_the_way_out(part):
    with pytest.raises(HostError, match=r"by identity.*UseDevelopmentStorage=true"):
        connection_string("AzureWebJobsStorage", {f"AzureWebJobsStorage__{part}": "x"})


def test_missing_connection_is_named():
    with pytest.raises(HostError, match="Elsewhere: is not set"):
        connection_string("Elsewhere", {})
