"""Attacks on what is outside, from inside a command, at every level that promises to hold.

Each attack is real: the target exists and would be reached, changed or killed without the guard.
docs/security.md says which of these fails when which guard is taken away.
"""

from __future__ import annotations

import fcntl
import os
import resource
import socket
import sys
import tempfile
from pathlib import Path
from uuid import uuid4

import pytest

from harness.errors import PolicyError
from harness.workspace import CommandPolicy, isolation, memory, run_command
from harness.workspace.confined import kernel, landlock
from tests.workspace import attacks
from tests.workspace.conftest import Run, isolation_at, use_level

LEVELS = [
    pytest.param(("namespaces", None), id="namespaces"),
    # What a kernel without Landlock leaves: each guard stands alone.
    pytest.param(("namespaces", 0), id="namespaces-only"),
    pytest.param(("landlock+seccomp", None), id="landlock"),
    pytest.param(("landlock+seccomp", 2), id="landlock-abi-2"),
]


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name, abi = request.param
    use_level(monkeypatch, name, abi)
    return str(name)


def python(code: str) -> str:
    """Return the command that runs some Python, each line whatever came of the one before."""
    lines = [line for line in code.strip().splitlines() if line.strip()]
    text = "import ctypes, errno, fcntl, os, resource, signal, socket, sys\n" + "\n".join(
        f"try: {line.strip()}\nexcept Exception as error: print(error)" for line in lines
    )
    return f"python3 - <<'EOF'\n{text}\nEOF"


def test_a_server_on_a_socket_by_path_is_not_reached(level: str, run: Run, tmp_path: Path) -> None:
    """As a terminal multiplexer, docker, an ssh agent and D-Bus have one."""
    (tmp_path / "run").mkdir()
    stream, datagram = str(tmp_path / "run" / "s"), str(tmp_path / "run" / "d")
    with (
        attacks.listening(socket.AF_UNIX, stream) as server,
        attacks.listening(socket.AF_UNIX, datagram, socket.SOCK_DGRAM) as other,
    ):
        for network in (False, True):
            run(
                python(f"""
                socket.socket(socket.AF_UNIX).connect({server.address})
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", {other.address})
                pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
                pair[0].sendto(b"x", {other.address})
                pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)
                pair[0].sendto(b"x", {other.address})
                """),
                network=network,
            )
        assert not server.was_reached()
        assert not other.was_reached()


def test_a_server_on_an_abstract_socket_is_not_reached(level: str, run: Run) -> None:
    name = f"\0harness-{uuid4()}"
    with attacks.listening(socket.AF_UNIX, name) as server:
        done = run(python(f"socket.socket(socket.AF_UNIX).connect({name!r}); print('reached')"))
        assert not server.was_reached(), done.output


@pytest.mark.parametrize("abi", [None, 2])
@pytest.mark.parametrize("name", ["namespaces", "landlock+seccomp"])
def test_nor_with_the_network(
    name: str, abi: int | None, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the network, a command shares its abstract sockets as well."""
    here = isolation_at(name, abi)
    if name == "namespaces":
        shared = isolation.probe_isolation(network=True)
        here = isolation.Isolation("namespaces", shared.prefix, here.landlock)
    monkeypatch.setattr("harness.workspace.commands.probe_isolation", lambda network: here)
    address = f"\0harness-{uuid4()}"
    with attacks.listening(socket.AF_UNIX, address) as server:
        run(python(f"socket.socket(socket.AF_UNIX).connect({address!r})"), network=True)
        assert not server.was_reached()
    with attacks.listening(socket.AF_INET, ("127.0.0.1", 0)) as server:
        run(python(f"socket.create_connection({server.address})"), network=True)
        assert server.was_reached(), "the network that was asked for"


def test_loopback_is_not_reached(level: str, run: Run) -> None:
    """The local Prefect would run what is posted to it."""
    with (
        attacks.listening(socket.AF_INET, ("127.0.0.1", 0)) as server,
        attacks.listening(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM) as other,
    ):
        port = server.socket.getsockname()[1]
        run(
            f"echo POST > /dev/tcp/127.0.0.1/{port}\n"
            + python(f"""
            socket.create_connection({server.address})
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", {other.address})
            """)
        )
        assert not server.was_reached()
        assert not other.was_reached()


def test_a_command_can_talk_to_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most test suites start a server on loopback, some one on a socket by path."""
    use_level(monkeypatch, "namespaces")
    done = run(
        python("""
        server = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(server.getsockname()); print("reached")
        server = socket.socket(socket.AF_UNIX); server.bind("s"); server.listen()
        socket.socket(socket.AF_UNIX).connect("s"); print("reached")
        """)
    )
    assert done.output == "reached\nreached\n"


def test_processes_outside_are_not_signalled(level: str, run: Run) -> None:
    with attacks.process() as victim:
        pid = victim.pid
        run(
            f"kill -9 {pid}; kill -9 -{pid}\n"
            + python(f"""
            os.kill({pid}, 9)
            os.killpg({pid}, 9)
            ctypes.CDLL(None).syscall({kernel.number("tgkill")}, {pid}, {pid}, 9)
            signal.pidfd_send_signal(os.pidfd_open({pid}), 9)
            here, there = socket.socketpair()
            fcntl.fcntl(here, 10, 9)
            fcntl.fcntl(here, fcntl.F_SETOWN, {pid})
            fcntl.fcntl(here, fcntl.F_SETFL, os.O_ASYNC)
            there.send(b"x")
            """)
        )
        assert victim.poll() is None


def test_processes_outside_are_not_limited(level: str, run: Run) -> None:
    with attacks.process() as victim:
        before = resource.prlimit(victim.pid, resource.RLIMIT_NOFILE)
        run(
            python(f"""
            resource.prlimit({victim.pid}, resource.RLIMIT_NOFILE, (3, 3))
            os.setpriority(os.PRIO_PROCESS, {victim.pid}, 19)
            os.sched_setscheduler({victim.pid}, os.SCHED_IDLE, os.sched_param(0))
            """)
        )
        assert resource.prlimit(victim.pid, resource.RLIMIT_NOFILE) == before
        assert os.getpriority(os.PRIO_PROCESS, victim.pid) == os.getpriority(os.PRIO_PROCESS, 0)
        assert os.sched_getscheduler(victim.pid) == os.SCHED_OTHER


def test_its_own_processes_are_its_own(level: str, run: Run) -> None:
    done = run(
        "sleep 30 & kill -9 $!; wait $!; echo $?; setsid sleep 30 & sleep 0.2; kill -TERM -- -$!;"
        " wait $!; echo $?; python3 -c 'import os; os.sched_setaffinity(os.getpid(), {0})'; echo $?"
    )
    assert done.output.splitlines()[-3:] == ["137", "143", "0"], done.output


def test_files_outside_are_not_changed(level: str, run: Run, tmp_path: Path) -> None:
    """Neither what they hold nor their mode, times, owner or attributes; also through a link."""
    file = attacks.precious_file(tmp_path / "outside")
    (tmp_path / "tree" / "link").symlink_to(file)
    (tmp_path / "tree" / "folder").symlink_to(file.parent)
    libc = "ctypes.CDLL(None).syscall"
    for path in (str(file), "link", "folder/work.txt", "../outside/work.txt"):
        run(
            f"chmod 777 {path}; touch {path}; rm -f folder/work.txt; echo x >> {path}\n"
            + python(f"""
            os.truncate({path!r}, 0)
            os.chmod({path!r}, 0o777)
            os.utime({path!r}, (1, 1))
            os.utime({path!r}, None)
            os.setxattr({path!r}, "user.evil", b"x")
            os.lchown({path!r}, 65534, 65534)
            os.link({path!r}, "hard"); os.chmod("hard", 0o777)
            fd = os.open({path!r}, os.O_PATH); os.chmod(f"/proc/self/fd/{{fd}}", 0o777)
            os.chmod("work.txt", 0o777, dir_fd=os.open("folder", os.O_PATH))
            {libc}({kernel.number("fchmodat2")}, fd, b"", 0o777, 0x1000)
            """)
        )
    assert attacks.looks_untouched(file)


def test_flags_of_files_that_can_be_read_are_not_changed(
    level: str, run: Run, tmp_path: Path
) -> None:
    """A request to the file system needs no right to write, only the owner."""
    get, put, no_dump = 0x80086601, 0x40086602, 0x40  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS
    tool = tmp_path / "tool" / "bin" / "program"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    with tool.open("rb") as file:
        try:
            before = fcntl.ioctl(file, get, bytes(8))
            fcntl.ioctl(file, put, before)
        except OSError:
            pytest.skip("this file system has no flags")
        wanted = int.from_bytes(before, sys.byteorder) | no_dump
        run(
            python(f"""
            fd = os.open({str(tool)!r}, os.O_RDONLY)
            fcntl.ioctl(fd, {put}, {wanted.to_bytes(8, sys.byteorder)})
            """),
            environment={"PATH": f"{tool.parent}:/usr/bin:/bin"},
        )
        assert fcntl.ioctl(file, get, bytes(8)) == before


def test_its_own_files_are_its_own(level: str, run: Run, tmp_path: Path) -> None:
    done = run(
        "mkdir d; echo x > d/a; chmod 751 d/a; touch -d @5 d/a; ln -s a d/b; touch -h -d @7 d/b;"
        "cp -p d/a c; chmod u+x,g-x c; mv c d/; stat -c '%n %a %Y' d/a d/b d/c; cd d;"
        "tar cf ../t.tar .; mkdir ../e; tar xpf ../t.tar -C ../e; stat -c '%a %Y' ../e/a;"
        "chmod 700 $TMPDIR; touch $TMPDIR/x; cp -a . ../f; git init -q r; echo $?"
    )
    assert done.output.splitlines() == [
        *("d/a 751 5", "d/b 777 7", "d/c 741 5", "751 5", "0"),
    ]
    assert (tmp_path / "tree" / "f" / "a").stat().st_mode & 0o777 == 0o751


def test_what_the_user_keeps_is_not_seen(level: str, run: Run, tmp_path: Path) -> None:
    file = attacks.precious_file(tmp_path / "outside")
    home = Path.home()
    done = run(
        f"cat {file} ../outside/work.txt; ls -a {home} /run /var/lib /etc/ssh; cat /etc/shadow;"
        f"cat /proc/{os.getpid()}/environ /proc/1/environ; ls /proc/1/root/ /proc/1/cwd/"
    )
    assert attacks.SECRET not in done.output
    assert "root:" not in done.output
    if level == "namespaces":
        assert run(f"ls -d {file} || ls -a {home}; ls /home /run").output.count("\n") < 9


def test_shared_memory_outside_is_not_seen(level: str, run: Run) -> None:
    name = Path("/dev/shm", f"harness-{uuid4()}")
    name.write_text(attacks.SECRET)
    try:
        done = run(f"cat {name}; echo evil > {name}; echo evil > {name}.new; ipcmk -M 64")
        assert name.read_text() == attacks.SECRET
        assert attacks.SECRET not in done.output
        assert not Path(f"{name}.new").exists()
        assert level == "namespaces" or "Shared memory id" not in done.output
    finally:
        name.unlink()


def test_a_command_has_no_privilege(level: str, run: Run) -> None:
    done = run("grep -E '^(Cap|NoNewPrivs)' /proc/self/status")
    values = dict(line.split(":\t") for line in done.output.splitlines())
    assert values.pop("NoNewPrivs") == "1"
    if os.geteuid() != 0:  # that set is the user's, and nothing can be gained from it any more
        values.pop("CapBnd")
    assert set(values.values()) == {"0" * 16}


def test_no_device_node_is_made(level: str, run: Run, tmp_path: Path) -> None:
    run("mknod c c 1 5; mknod b b 7 0; mknod $TMPDIR/c c 1 5; mkfifo p")
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["p"]


def test_no_namespace_and_no_ring_is_made(level: str, run: Run) -> None:
    """Each widens what the kernel lets a process do, past everything here."""
    absent, refused = ["io_uring_setup", "memfd_secret"], ["bpf", "keyctl", "userfaultfd"]
    calls = [f"({kernel.number(name)}, 0, 0, 0, 0, 0)" for name in (*absent, *refused)]
    done = run(
        "unshare -U true && echo user; unshare -Urm mount -t tmpfs none /usr && echo mount;"
        + python(
            "\n".join(
                f"libc = ctypes.CDLL(None, use_errno=True); libc.syscall{call} >= 0 and "
                f"print('made'); print(errno.errorcode[ctypes.get_errno()])"
                for call in calls
            )
        )
    )
    words = done.output.split()
    assert not {"user", "mount", "made"} & set(words), done.output
    assert [word for word in words if word in ("ENOSYS", "EPERM")] == ["ENOSYS"] * 2 + ["EPERM"] * 3


def test_a_command_cannot_report_for_the_supervisor(level: str, run: Run) -> None:
    """Neither through a descriptor that it was left, nor through those of the supervisor."""
    done = run(
        "for fd in $(seq 3 60); do echo 0 2>/dev/null >&$fd; done 2>/dev/null;"
        "for fd in $(seq 1 60); do echo 0 > /proc/$PPID/fd/$fd; done 2>/dev/null;"
        "kill -9 $PPID 2>/dev/null; exit 3"
    )
    assert done.exit_code == 3


def test_it_is_not_left_even_a_descriptor(level: str, run: Run) -> None:
    done = run("ls /proc/self/fd | tr '\\n' ' '")
    assert done.output.split()[:3] == ["0", "1", "2"]
    assert len(done.output.split()) == 4, "the fourth is that of ls"


def test_memory_is_limited_for_all_processes_together(level: str, run: Run) -> None:
    code = "import time; held = bytearray(60_000_000); time.sleep(20)"
    command = f"for i in 1 2 3 4 5 6; do python3 -c '{code}' & done; wait"
    done = run(command, max_total_memory_bytes=200_000_000)
    assert "more than 200000000 bytes of memory" in done.stopped


def test_memory_that_no_process_maps_counts_as_well(level: str, run: Run) -> None:
    files = "held = [os.memfd_create('held') for _ in range(4)]"
    fill = "[os.write(file, bytes(60_000_000)) for file in held]"
    segments = """
        libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
        ids = [libc.shmget(0, 60_000_000, 0o1600) for _ in range(4)]
        places = [ctypes.c_void_p(libc.shmat(number, None, 0)) for number in ids]
        [(ctypes.memset(place, 1, 60_000_000), libc.shmdt(place)) for place in places]
    """
    ways = [f"{files}\n{fill}"] + ([segments] if level == "namespaces" else [])
    for way in ways:
        done = run(
            python(f"{way}\n__import__('time').sleep(20)"), max_total_memory_bytes=150_000_000
        )
        assert "more than 150000000 bytes of memory" in done.stopped


def test_a_command_ends_before_the_machine_has_no_memory_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is sent to sockets and never read is in no process."""
    left = 1 << 40
    monkeypatch.setattr(memory, "available_bytes", lambda: left)
    watch = memory.MemoryWatch(1 << 39)
    assert watch.reason([]) == ""
    left = 1 << 35
    assert watch.reason([]) == "hardly any memory is left on this machine"


def test_memory_that_is_shared_counts_once(run: Run) -> None:
    code = "import os, time; held = b'x' * 80_000_000; [os.fork() for _ in '123']; time.sleep(1.5)"
    done = run(f'python3 -c "{code}"', max_total_memory_bytes=300_000_000)
    assert done.stopped == ""


def test_what_cannot_be_confined_is_not_started(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Here the supervisor is told of namespaces that nobody made."""
    broken = isolation.Isolation("namespaces")
    monkeypatch.setattr("harness.workspace.commands.probe_isolation", lambda network: broken)
    done = run("touch started")
    assert (done.exit_code, "was not started" in done.output) == (126, True)
    assert not (tmp_path / "tree" / "started").exists()


def test_below_the_least_level_nothing_runs(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_level(monkeypatch, "none")
    with pytest.raises(PolicyError, match="HARNESS_COMMAND_ISOLATION=none"):
        run_command("touch ran", tmp_path / "tree", tmp_path / "scratch", CommandPolicy())
    assert not (tmp_path / "tree" / "ran").exists()
    assert run("touch ran", least_isolation="none").isolation == "none"
    if landlock.version() >= landlock.LEAST_VERSION:
        use_level(monkeypatch, "landlock+seccomp")
        with pytest.raises(PolicyError, match="must be isolated by namespaces"):
            run("true", least_isolation="namespaces")
        assert run("true", least_isolation="landlock+seccomp").isolation == "landlock+seccomp"


@pytest.mark.parametrize("planted", ["tmp", "below", "file"])
def test_links_that_a_command_leaves_lead_nowhere(
    level: str, run: Run, tmp_path: Path, planted: str
) -> None:
    """The next command's root is built over them."""
    file = attacks.precious_file(tmp_path / "outside")
    own = tmp_path / "scratch" / "tmp"
    first = own / tmp_path.parts[2]
    own.parent.mkdir(exist_ok=True)
    if planted == "tmp":
        own.symlink_to(file.parent)
    else:
        own.mkdir()
        first.symlink_to(file.parent if planted == "below" else file)
    done = run("echo evil > /tmp/work.txt; echo evil > $TMPDIR/tmp/work.txt; echo still > x; cat x")
    assert done.output.endswith("still\n")
    assert attacks.looks_untouched(file)


def test_a_toolchain_that_path_names_can_be_used_and_not_changed(
    level: str, run: Run, tmp_path: Path
) -> None:
    tool = tmp_path / "tools" / "bin" / "tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\ncat ${0%/bin/tool}/lib/words\n")
    tool.chmod(0o755)
    (tmp_path / "tools" / "lib").mkdir()
    (tmp_path / "tools" / "lib" / "words").write_text("works\n")
    (tmp_path / "tools" / ".netrc").write_text(attacks.SECRET)
    path = f"{tool.parent}:/usr/bin:/bin"
    attack = f"cat {tool.parent.parent}/.netrc; echo evil >> {tool}; chmod 777 {tool}; rm {tool}"
    done = run(f"tool; {attack}; tool", environment={"PATH": path})
    assert done.output.count("works") == 2, done.output
    assert attacks.SECRET not in done.output
    assert tool.stat().st_mode & 0o777 == 0o755
    assert "evil" not in tool.read_text()


def test_a_command_may_be_as_long_as_the_tool_allows(level: str, run: Run) -> None:
    """An argument of a program may not: 128 KiB, and a character may take twelve bytes."""
    assert run("echo " + "😀" * 19_000).output_bytes == 4 * 19_000 + 1


def test_the_copy_stands_where_the_users_folder_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was installed from there for editing finds the copy, and never the user's files."""
    use_level(monkeypatch, "namespaces")
    file = attacks.precious_file(tmp_path / "user")
    for name in ("tree", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "tree" / file.name).write_text("the copy\n")
    done = run_command(
        f"cat {file}; echo more >> {file}; rm -rf {file.parent}/*; echo new > {file.parent}/new",
        tmp_path / "tree",
        tmp_path / "scratch",
        CommandPolicy(),
        stands_for=file.parent,
    )
    assert done.output.startswith("the copy\n")
    assert attacks.looks_untouched(file)
    assert (tmp_path / "tree" / "new").read_text() == "new\n"


@pytest.mark.parametrize("parent", ["/var/tmp", "/tmp"])
def test_a_copy_may_lie_below_any_folder_for_temporary_files(level: str, parent: str) -> None:
    with tempfile.TemporaryDirectory(dir=parent) as name:
        tree, scratch = Path(name) / "tree", Path(name) / "scratch"
        tree.mkdir()
        scratch.mkdir()
        done = run_command("pwd; echo x > made", tree, scratch, CommandPolicy())
        assert done.output == f"{tree}\n"
        assert (tree / "made").read_text() == "x\n"
