"""Chat turns through Ollama, over real HTTP against the imitation."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from harness.errors import ModelMissingError, PermanentError, ServiceUnavailableError
from harness.models.conversation import ChatMessage, Sampling, ToolCall, ToolSpec
from harness.models.ollama.chat import OllamaChatModel
from harness.models.ollama.options import OllamaOptions
from harness.models.protocols import ChatModel
from harness.retrying import Backoff
from tests.fakes.ollama_models import Turn
from tests.fakes.ollama_server import FakeOllama

ASK = (ChatMessage("system", "Be brief."), ChatMessage("user", "Where is main?"))
READ_FILE = ToolSpec(
    "read_file",
    "Read lines of a file.",
    {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "range": {"type": "object", "properties": {"start": {"type": "integer"}}},
        },
        "required": ["path"],
    },
)


@pytest.fixture
def fake() -> Iterator[FakeOllama]:
    with FakeOllama() as server:
        yield server


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def make(fake: FakeOllama, slept: list[float]) -> Iterator[Callable[..., OllamaChatModel]]:
    made: list[OllamaChatModel] = []

    def build(model: str = "qwen2.5-coder:7b", think: bool | None = None, **options: object):
        values: dict[str, object] = {"host": fake.url, "chat_model": model, **options}
        backoff = Backoff(sleep=slept.append, random=lambda: 1.0)
        made.append(OllamaChatModel(OllamaOptions(**values), think=think, backoff=backoff))
        return made[-1]

    yield build
    for model in made:
        model.close()


class TestTurn:
    def test_content_is_streamed_and_returned(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        fake.say(Turn("It is in src/main.py:1", thinking="hm"))
        heard: list[str] = []
        turn = make().chat(ASK, on_token=heard.append)
        assert turn.content == "It is in src/main.py:1"
        assert heard == ["It", " is", " in", " src/main.py:1"]
        assert turn.prompt_tokens > 10
        assert turn.completion_tokens == 4
        assert turn.done_reason == "stop"

    def test_tool_calls_there_and_back(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        fake.say(Turn(tool_calls=(("read_file", {"path": "a.py", "range": {"start": 1}}),)))
        chat = make()
        first = chat.chat(ASK, [READ_FILE])
        assert first.tool_calls == (ToolCall("read_file", {"path": "a.py", "range": {"start": 1}}),)
        answered = (
            *ASK,
            ChatMessage("assistant", first.content, first.tool_calls),
            ChatMessage("tool", "1: print()", tool_name="read_file"),
        )
        chat.chat(answered, [READ_FILE])
        sent = fake.bodies("/api/chat")[1]
        assert sent["messages"][2]["tool_calls"][0]["function"]["arguments"]["path"] == "a.py"
        assert sent["messages"][3]["tool_name"] == "read_file"
        # The official client's own model of a tool drops the properties of nested objects.
        assert sent["tools"][0]["function"]["parameters"] == READ_FILE.parameters

    def test_every_request_has_the_same_window(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        chat = make()
        chat.chat(ASK)
        chat.chat((*ASK, ChatMessage("user", "And then? " * 100)))
        options = [body["options"] for body in fake.bodies("/api/chat")]
        usual = {"temperature": 0.2, "repeat_penalty": 1.0}
        assert options == [{"num_ctx": 16_384, "num_predict": 4096, **usual}] * 2

    def test_a_turn_can_be_drawn_in_another_way(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        make().chat(ASK, sampling=Sampling(0.7, max_tokens=300, seed=5, stop=("\n\n",)))
        (body,) = fake.bodies("/api/chat")
        assert body["options"] == {
            "num_ctx": 16_384,
            "num_predict": 300,
            "temperature": 0.7,
            "repeat_penalty": 1.0,
            "seed": 5,
            "stop": ["\n\n"],
        }

    def test_a_schema_goes_along_but_never_with_tools(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
        chat = make()
        chat.chat(ASK, sampling=Sampling(schema=schema))
        chat.chat(ASK, [READ_FILE], sampling=Sampling(schema=schema))
        alone, with_tools = fake.bodies("/api/chat")
        assert alone["format"] == schema
        assert "format" not in with_tools

    @pytest.mark.parametrize("silent", ["before-the-answer", "within-it"])
    def test_another_thread_ends_a_silent_turn(
        self, fake: FakeOllama, make: Callable[..., ChatModel], silent: str
    ) -> None:
        fake.faults.paths = ("/api/chat",)
        if silent == "before-the-answer":
            fake.faults.hang_requests = 1
        else:
            fake.faults.hang_streams = 1
        fake.say(Turn("one two three"))
        chat = make()
        ended: list[BaseException] = []

        def ask() -> None:
            try:
                chat.chat(ASK)
            except ServiceUnavailableError as error:
                ended.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        while not fake.count("/api/chat"):
            thread.join(0.01)
        while thread.is_alive():  # the client may not read yet
            chat.interrupt()
            thread.join(0.05)
        assert len(ended) == 1
        assert fake.count("/api/chat") == 1
        assert chat.chat(ASK).content  # the model can be used again
        assert fake.bodies("/api/chat")[0]["keep_alive"] == "30m"

    @pytest.mark.parametrize(
        ("setting", "num_ctx", "num_predict"),
        [
            pytest.param(4096, 4096, 2048, id="the setting is smaller"),
            pytest.param(100_000, 32_768, 4096, id="the model is smaller"),
        ],
    )
    def test_window_and_output_are_bounded(
        self,
        fake: FakeOllama,
        make: Callable[..., ChatModel],
        setting: int,
        num_ctx: int,
        num_predict: int,
    ) -> None:
        chat = make(num_ctx=setting)
        assert chat.num_ctx == num_ctx
        chat.chat(ASK)
        options = fake.bodies("/api/chat")[0]["options"]
        assert (options["num_ctx"], options["num_predict"]) == (num_ctx, num_predict)

    def test_a_turn_that_hits_the_limit_says_so(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        fake.say(Turn("half an", done_reason="length"))
        assert make().chat(ASK).done_reason == "length"

    def test_what_the_model_is(self, make: Callable[..., ChatModel]) -> None:
        info = make("codestral").info()
        assert info.name == "codestral:latest"
        assert info.context_length == 32_768
        assert "tools" not in info.capabilities

    @pytest.mark.parametrize(
        ("model", "sent"),
        [pytest.param("qwen3:4b", True, id="lists it"), pytest.param("codestral", False, id="not")],
    )
    def test_think_goes_only_to_models_that_list_it(
        self, fake: FakeOllama, make: Callable[..., ChatModel], model: str, sent: bool
    ) -> None:
        make(model, think=True).chat(ASK)
        assert ("think" in fake.bodies("/api/chat")[0]) is sent


class TestFaults:
    def test_tools_on_a_model_without_are_refused_once(
        self, fake: FakeOllama, make: Callable[..., ChatModel], slept: list[float]
    ) -> None:
        with pytest.raises(PermanentError, match="does not support tools"):
            make("codestral").chat(ASK, [READ_FILE])
        assert fake.count("/api/chat") == 1
        assert slept == []

    def test_a_prompt_longer_than_the_window_is_refused_not_cut(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        with pytest.raises(PermanentError, match=r"request: request \(\d+ tokens\) exceeds"):
            make(num_ctx=1024).chat((ChatMessage("user", "word " * 2000),))
        assert fake.count("/api/chat") == 1

    def test_an_unknown_model_names_the_remedy(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        with pytest.raises(ModelMissingError, match="harness models pull devstral"):
            make("devstral").chat(ASK)
        assert fake.count("/api/chat") == 0

    @pytest.mark.parametrize(
        "fault",
        [
            pytest.param({"busy_requests": 3}, id="503"),
            pytest.param({"busy_requests": 3, "busy_status": 429}, id="429"),
            pytest.param({"broken_requests": 3}, id="500"),
            pytest.param({"drop_requests": 3}, id="dropped"),
            pytest.param({"error_streams": 3, "break_after_lines": 0}, id="error as first line"),
        ],
    )
    def test_passing_faults_before_the_first_token_are_retried(
        self,
        fake: FakeOllama,
        make: Callable[..., ChatModel],
        slept: list[float],
        fault: dict[str, int],
    ) -> None:
        fake.faults.paths = ("/api/chat",)
        for name, value in fault.items():
            setattr(fake.faults, name, value)
        heard: list[str] = []
        turn = make().chat(ASK, on_token=heard.append)
        assert "".join(heard) == turn.content != ""
        assert slept == [0.5, 1.0, 2.0]

    @pytest.mark.parametrize("fault", ["cut_streams", "error_streams"])
    def test_a_stream_that_breaks_later_is_not_repeated(
        self, fake: FakeOllama, make: Callable[..., ChatModel], fault: str
    ) -> None:
        setattr(fake.faults, fault, 1)
        fake.faults.break_after_lines = 3
        heard: list[str] = []
        with pytest.raises(ServiceUnavailableError, match=fake.url):
            make().chat(ASK, on_token=heard.append)
        assert len(heard) == 3
        assert fake.count("/api/chat") == 1

    def test_silence_ends_with_the_time_out(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        chat = make(timeout_seconds=0.3)
        assert chat.num_ctx
        fake.faults.hang_requests = 9
        with pytest.raises(ServiceUnavailableError, match="HARNESS_OLLAMA_TIMEOUT_SECONDS"):
            chat.chat(ASK)
        assert fake.count("/api/chat") == 1

    def test_bounded_attempts(self, fake: FakeOllama, make: Callable[..., ChatModel]) -> None:
        fake.faults.paths = ("/api/chat",)
        fake.faults.busy_requests = 99
        with pytest.raises(ServiceUnavailableError, match="busy"):
            make().chat(ASK)
        assert fake.count("/api/chat") == 4

    def test_a_listener_that_fails_is_not_the_servers_fault(
        self, fake: FakeOllama, make: Callable[..., ChatModel]
    ) -> None:
        def fail(_: str) -> None:
            raise ValueError("from the caller")

        with pytest.raises(ValueError, match="from the caller"):
            make().chat(ASK, on_token=fail)
        assert fake.count("/api/chat") == 1
