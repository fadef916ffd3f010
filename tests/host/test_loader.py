import pytest

from local.host.errors import HostError
from local.host.loader import load_functions
from local.host.route_templates import RouteTemplate
from tests.host.running import SAMPLE_APP

START = "import azure.functions as func\napp = func.FunctionApp()\n"


def test_functions_of_the_app_and_of_its_blueprints_are_loaded():
    functions = {function.name: function for function in load_functions(SAMPLE_APP, {})}

    assert functions["files"].trigger["route"] == "files/{*rest}"
    assert functions["on_work"].trigger_type == "queueTrigger"
    assert functions["on_work"].is_async
    assert not functions["at_start"].is_async
    assert functions["text"].wants_context


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("", "0 FunctionApp"),
        (START, "has no functions"),
        (START + "@app.event_grid_trigger(arg_name='e')\ndef f(event): ...", "named"),
        (START + "@app.event_grid_trigger(arg_name='e')\ndef f(e, more): ...", "named"),
        (START + "@app.event_grid_trigger(arg_name='e')\ndef f(e: func.QueueMessage): ...", "annotates 'e'"),
        (START + "@app.blob_trigger(arg_name='b', path='p', connection='c')\ndef f(b): ...", "blobTrigger"),
    ],
)
def test_app_that_cannot_run_here_is_refused(tmp_path, source, complaint):
    (tmp_path / "function_app.py").write_text(source)

    with pytest.raises(HostError, match=complaint):
        load_functions(tmp_path, {})


def test_folder_without_an_app_is_refused(tmp_path):
    with pytest.raises(HostError, match="does not exist"):
        load_functions(tmp_path, {})


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("a/{x:guid}", "a/0f8fad5b-d9cb-469f-a165-70867728950e", {"x": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        ("a/{x:guid}", "a/b", None),
        ("a/{x:bool}", "a/TRUE", {"x": "TRUE"}),
        ("a/{x:alpha:minlength(2)}", "a/b", None),
        ("a/{x:range(1,5)}", "a/5", {"x": "5"}),
        ("a/{x:range(1,5)}", "a/6", None),
        ("a/{x:length(2,3)}", "a/abcd", None),
        ("a/{x:regex(^\\d{{2}}$)}", "a/12", {"x": "12"}),
        ("a/{x:regex(^\\d{{2}}$)}", "a/123", None),
        ("a/{x:datetime}", "a/2026-01-01", {"x": "2026-01-01"}),
        ("a/{x:decimal}", "a/1.5", {"x": "1.5"}),
        ("a/{x=1}", "a", {"x": "1"}),
        ("a/{x?}", "a", {}),
        ("a/{x}-{y}.json", "a/1-2.json", {"x": "1", "y": "2"}),
        ("a/{*x:minlength(3)}", "a/b", None),
        ("{**x}", "a/b", {"x": "a/b"}),
    ],
)
def test_route_template_matches(template, path, values):
    assert RouteTemplate(template).match("/" + path) == values


@pytest.mark.parametrize("template", ["a/{x:colour}", "a/{x", "a/x}"])
def test_unknown_route_form_is_refused(template):
    with pytest.raises(HostError, match="route"):
        RouteTemplate(template)
