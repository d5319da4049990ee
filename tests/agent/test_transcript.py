"""A conversation file takes turns from several writers, outlives kills, and says what is wrong with a wrong one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent import transcript
from agent.schema import Conversation, Message
from agent.storable import storable
from retrieval.errors import TranscriptError
from tests.agent.test_memory import HOSTILE, reply
from tests.conftest import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "talk.jsonl"


def talk(path: Path, *messages: str, shopper: str | None = "ann") -> Conversation:
    """Take turns as one call of the command line after the other does."""
    conversation = Conversation()
    for message in messages:
        conversation = transcript.append(path, transcript.read(path, shopper), message, reply(text=f"to {message}"))
    return conversation


def words(conversation: Conversation) -> list[str]:
    return [message.text for message in conversation.messages]


class TestTurns:
    def test_a_missing_or_empty_file_is_a_new_conversation(self, path: Path) -> None:
        new = transcript.read(path, "ann")
        assert (new.shopper, new.messages, bool(new.id)) == ("ann", (), True)
        assert not path.exists()
        path.write_text(" \n\n")
        assert transcript.read(path).messages == ()
        assert words(talk(path, "hello")) == ["hello", "to hello"]

    def test_calls_one_after_the_other_make_one_conversation(self, path: Path) -> None:
        conversation = talk(path, "boots", "cheaper", "the second one")
        assert transcript.read(path) == conversation
        assert words(conversation) == [
            "boots",
            "to boots",
            "cheaper",
            "to cheaper",
            "the second one",
            "to the second one",
        ]
        assert conversation.shopper == "ann"
        assert conversation.plan == reply().receipt.plan
        assert conversation.shown == reply().receipt.shown
        assert len({transcript.read(path).id for _ in range(2)}) == 1

    def test_the_file_is_a_header_and_one_message_a_line(self, path: Path) -> None:
        conversation = talk(path, "boots\nand socks")
        header, *lines = path.read_text().splitlines()
        assert json.loads(header) == {
            "crossaisle": "conversation", "version": 1, "id": conversation.id, "shopper": "ann",
        }  # fmt: skip
        assert [Message.model_validate_json(line) for line in lines] == list(conversation.messages)

    def test_a_turn_only_adds_to_the_file(self, path: Path) -> None:
        talk(path, "one")
        before, inode = path.read_bytes(), path.stat().st_ino
        talk(path, "two")
        assert path.read_bytes().startswith(before)
        assert path.stat().st_ino == inode

    def test_the_conversation_in_hand_fills_a_new_file(self, path: Path) -> None:
        conversation = talk(path, "one")
        path.unlink()
        assert words(transcript.append(path, conversation, "two", reply(text="ok"))) == ["one", "to one", "two", "ok"]
        assert transcript.read(path).id == conversation.id

    def test_a_last_line_without_newline_counts(self, path: Path) -> None:
        talk(path, "one")
        path.write_bytes(path.read_bytes().rstrip(b"\n"))
        assert words(talk(path, "two")) == ["one", "to one", "two", "to two"]

    @pytest.mark.parametrize("text", HOSTILE)
    def test_hostile_text_comes_back(self, path: Path, text: str) -> None:
        conversation = transcript.append(path, transcript.read(path), text, reply(text=text, query=text))
        assert conversation.messages[0].text == storable(text)
        assert [storable(word) for word in words(conversation)] == [
            storable(word) for word in words(transcript.read(path))
        ]

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(turns=st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=4), shopper=st.none() | st.text())
    @example(turns=[('{"role": "user"}\n', "]\r\n\u2028\x85")], shopper="\ud800")
    def test_any_turns_come_back(self, path: Path, turns: list[tuple[str, str]], shopper: str | None) -> None:
        path.unlink(missing_ok=True)
        for message, answer in turns:
            after = transcript.append(path, transcript.read(path, shopper), message, reply(text=answer))
        assert transcript.read(path, shopper) == after
        assert words(after)[::2] == [storable(message) for message, _ in turns]
        assert words(after)[1::2] == [answer for _, answer in turns]


class TestShoppers:
    def test_the_file_knows_its_shopper(self, path: Path) -> None:
        talk(path, "one", shopper="ann")
        assert transcript.read(path).shopper == "ann"

    def test_another_shopper_is_refused(self, path: Path) -> None:
        conversation = talk(path, "one", shopper="ann")
        with pytest.raises(TranscriptError, match="shopper 'ann''s conversation, not 'bob''s"):
            transcript.read(path, "bob")
        with pytest.raises(TranscriptError, match="not 'bob'"):
            transcript.append(path, conversation.model_copy(update={"shopper": "bob"}), "two", reply())
        assert transcript.read(path) == conversation

    def test_a_visitor_may_sign_in(self, path: Path) -> None:
        visitor = talk(path, "one", shopper=None)
        signed_in = talk(path, "two", shopper="ann")
        assert (signed_in.id, signed_in.shopper) == (visitor.id, "ann")
        assert transcript.read(path) == signed_in
        assert sorted(file.name for file in path.parent.iterdir()) == [path.name]

    def test_another_conversation_is_refused(self, path: Path) -> None:
        conversation = talk(path, "one")
        with pytest.raises(TranscriptError, match="not 'other'"):
            transcript.append(path, conversation.model_copy(update={"id": "other"}), "two", reply())


class TestForeign:
    CHAT = (
        {"role": "system", "content": "You sell boots."},
        {"role": "user", "content": "boots?"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "{}", "tool_call_id": "1"},
        {"role": "assistant", "content": [{"type": "text", "text": "Here."}, {"type": "image_url", "image_url": {}}]},
        {"role": "user", "content": "cheaper", "name": "ann"},
    )

    @pytest.mark.parametrize("form", ["list", "pretty list", "lines", "lines with bom"])
    def test_chat_messages_are_read_and_the_original_is_kept(self, path: Path, form: str) -> None:
        if form.endswith("list"):
            path.write_text(json.dumps(self.CHAT, indent=2 if form.startswith("pretty") else None))
        else:
            lines = "".join(json.dumps(message) + "\r\n" for message in self.CHAT)
            path.write_text(lines, encoding="utf-8-sig" if form.endswith("bom") else "utf-8", newline="")
        path.chmod(0o640)
        original = path.read_bytes()
        assert words(transcript.read(path)) == ["boots?", "Here.", "cheaper"]
        assert path.read_bytes() == original
        after = talk(path, "socks")
        assert words(after) == ["boots?", "Here.", "cheaper", "socks", "to socks"]
        assert transcript.read(path) == after
        assert path.stat().st_mode & 0o777 == 0o640
        assert path.with_name("talk.jsonl.orig").read_bytes() == original
        assert words(talk(path, "hats"))[-1] == "to hats"

    @pytest.mark.parametrize(
        ("content", "says"),
        [
            (b"hello there", r"line 1: is not JSON"),
            (b'{"role": "user", "content": "hi"}\nhello\n', r"line 2: is not JSON"),
            (b'{"role": "user", "content": "hi"}\nhello', r"line 2: is not JSON"),
            (b'{"name": "crossaisle", "version": "0.1.0"}\n', r"line 1: is JSON, but not a message with a role"),
            (
                b'{"role": "narrator", "content": "hi"}\n',
                r"line 1, field 'role': Input should be 'user' or 'assistant'",
            ),
            (b'{"role": "user", "content": 7}\n', r"line 1, field 'content': is neither text"),
            (b'{"role": "user", "text": "hi", "mood": "x"}\n', r"line 1, field 'mood'"),
            (b'{"role": "user", "text": "hi", "plan": {"act": "fly"}}\n', r"line 1, field 'plan.act'"),
            (b'[{"role": "user", "content": "hi"}, 3]', r"element 2: is JSON, but not a message"),
            (b'[{"role": "user", "content": "hi"}', r"is not JSON \(EOF"),
            (b"[" * 100_000, r"is not JSON \(recursion"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\n", r"line 1: is not JSON"),
            (b"SQLite format 3\x00\x10\x00\n", r"line 1: is binary data"),
            ("Grüße".encode("latin-1"), r"line 1: is not JSON"),
            (b'{"crossaisle": "model card"}\n', r"line 1: is a file of kind 'model card'"),
            (
                b'{"crossaisle": "conversation", "version": 2, "id": "x"}\n',
                r"version 2; this CrossAisle knows 1. Upgrade",
            ),
            (b'{"crossaisle": "conversation", "version": 1, "id": 7}\n', r"line 1: the header's id or shopper"),
        ],
    )
    def test_what_is_no_conversation_is_told_and_left_alone(self, path: Path, content: bytes, says: str) -> None:
        path.write_bytes(content)
        with pytest.raises(TranscriptError, match=says) as caught:
            transcript.read(path)
        assert str(path) in str(caught.value)
        with pytest.raises(TranscriptError, match=says):
            transcript.append(path, Conversation(), "hi", reply())
        assert path.read_bytes() == content
        assert [file.name for file in path.parent.iterdir()] == [path.name]


class TestFiles:
    def test_a_huge_file_is_not_read(self, path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(20_000_001)
        with pytest.raises(TranscriptError, match="has 20 MB; a conversation has at most 20 MB"):
            transcript.read(path)

    def test_a_file_does_not_outgrow_what_can_be_read(self, path: Path) -> None:
        first = transcript.append(path, Conversation(), "x" * 15_000_000, reply())
        before = path.read_bytes()
        with pytest.raises(TranscriptError, match=r"grow beyond 20 MB\. Start a new file"):
            transcript.append(path, first, "y" * 6_000_000, reply())
        assert path.read_bytes() == before

    def test_what_is_no_file_is_told(self, tmp_path: Path) -> None:
        pipe, loop, orphan = tmp_path / "pipe", tmp_path / "loop", tmp_path / "no folder" / "x"
        os.mkfifo(pipe)
        loop.symlink_to(loop)
        for wrong, says in (
            (tmp_path, "is a folder"),
            (pipe, "not a regular file"),
            (loop, "symbolic links"),
            (orphan, "folder of .* does not exist"),
            (Path("a\0b"), "no possible path"),
            (tmp_path / ("x" * 300), "name too long"),
        ):
            with pytest.raises(TranscriptError, match=f"(?i){says}"):
                transcript.read(wrong)
            with pytest.raises(TranscriptError, match=f"(?i){says}"):
                transcript.append(wrong, Conversation(), "hi", reply())

    def test_a_link_stays_a_link(self, tmp_path: Path, path: Path) -> None:
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere" / "real.jsonl")
        after = talk(path, "one", "two")
        assert path.is_symlink()
        assert transcript.read(tmp_path / "elsewhere" / "real.jsonl") == after

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
    def test_a_file_without_permission_is_told(self, path: Path) -> None:
        talk(path, "one")
        path.chmod(0)
        with pytest.raises(TranscriptError, match="permission denied"):
            transcript.read(path)

    def test_permission_errors_are_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", denied)
        with pytest.raises(TranscriptError, match=r"permission denied\. Give yourself"):
            transcript.read(path)

    def test_a_full_disk_is_told_and_nothing_is_lost(self, path: Path) -> None:
        if not Path("/dev/shm").is_dir():
            pytest.skip("no /dev/shm")
        talk(path, "one")
        before = path.read_bytes()
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, hard))
        try:
            with pytest.raises(TranscriptError, match="File too large"):
                talk(path, "two")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert words(transcript.read(path)) == ["one", "to one"]
        assert words(talk(path, "three")) == ["one", "to one", "three", "to three"]


class TestTorn:
    def test_wherever_a_turn_is_cut_the_turns_before_it_stand_and_nothing_is_lost(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        talk(path, "first 🧦")
        whole = len(path.read_bytes())
        before = transcript.read(path)
        talk(path, "second 🧦")
        data = path.read_bytes()
        torn = path.with_name("talk.jsonl.torn")
        for cut in [*range(whole + 1, whole + 90), *range(whole + 90, len(data) - 1, 37), len(data) - 2]:
            path.write_bytes(data[:cut])
            torn.unlink(missing_ok=True)
            caplog.clear()
            assert transcript.read(path) == before
            assert "the last turn is unfinished" in caplog.text
            assert path.read_bytes() == data[:cut]
            assert words(talk(path, "third")) == ["first 🧦", "to first 🧦", "third", "to third"]
            assert torn.read_bytes() == data[whole:cut]

    def test_a_torn_line_of_another_tool_is_kept_in_the_original(self, path: Path) -> None:
        content = b'{"role": "user", "content": "hi"}\n{"role": "assistant", "cont'
        path.write_bytes(content)
        assert words(talk(path, "boots")) == ["hi", "boots", "to boots"]
        assert path.with_name("talk.jsonl.orig").read_bytes() == content

    def test_a_second_torn_turn_does_not_overwrite_the_first(self, path: Path) -> None:
        for piece in (b'{"role":"us', b'{"role":"user","te'):
            talk(path, "one")
            with path.open("ab") as file:
                file.write(piece)
        talk(path, "two")
        kept = {file.name: file.read_bytes() for file in path.parent.iterdir() if ".torn" in file.name}
        assert kept == {"talk.jsonl.torn": b'{"role":"us', "talk.jsonl.torn.1": b'{"role":"user","te'}

    def test_a_killed_writer_loses_at_most_its_last_turn(self, path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from agent import transcript\n"
            "from tests.agent.test_memory import reply\n"
            "path = Path(sys.argv[1])\n"
            "for n in range(10**6):\n"
            "    transcript.append(path, transcript.read(path), str(n), reply(text='x' * 20000)); print(n, flush=True)"
        )
        command = [sys.executable, "-c", script, path]
        for _ in range(4):
            done = len(transcript.read(path).messages) // 2
            process = subprocess.Popen(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.05)
            process.kill()
            said = 1 + len(process.stdout.read().decode().split("\n")[:-1])
            process.wait()
            process.stdout.close()
            assert len(transcript.read(path).messages) // 2 in {done + said, done + said + 1}


class TestAtOnce:
    def test_two_processes_and_threads_lose_nothing_and_do_not_mix(self, path: Path) -> None:
        script = (
            "import sys; from pathlib import Path; from agent import transcript\n"
            "from tests.agent.test_memory import reply\n"
            "path, who = Path(sys.argv[1]), sys.argv[2]\n"
            "for n in range(25):\n"
            "    transcript.append(path, transcript.read(path), f'{who} {n}', reply(text=f'to {who} {n}'))"
        )
        path.write_text("")
        talk(path, "start")
        command = [sys.executable, "-c", script, path]
        running = [subprocess.Popen([*command, who], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) for who in ("a", "b")]
        threads = [
            threading.Thread(target=lambda who=who: [talk(path, f"{who} {n}", shopper=None) for n in range(25)])
            for who in ("c", "d")
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [process.wait(60) for process in running] == [0, 0]
        texts = words(transcript.read(path))
        assert texts[1::2] == [f"to {text}" for text in texts[::2]]
        assert set(texts[2::2]) == {f"{who} {n}" for who in "abcd" for n in range(25)}
        assert len(texts) == 2 + 200

    def test_new_writers_of_a_missing_file_agree_on_one_conversation(self, path: Path) -> None:
        new = [transcript.read(path) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            done = pool.map(lambda n: transcript.append(path, new[n], str(n), reply()), range(8))
        assert {conversation.id for conversation in done} == {transcript.read(path).id}
        assert sorted(words(transcript.read(path))[::2]) == [str(n) for n in range(8)]

    def test_a_file_locked_for_long_is_told(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import fcntl

        talk(path, "one")
        monkeypatch.setattr(transcript.transcript_file, "WAIT", 0.1)
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with pytest.raises(TranscriptError, match="locked by another process"):
                talk(path, "two")
