import signal
import subprocess
import sys
import threading
import time

from policy_nodes.launching import guardian


def start(code):
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    process.stdout.readline()
    return process


def test_escalation_stops_at_the_gentlest_signal_that_works():
    gentle = start("import time; print(flush=True); time.sleep(30)")
    firm = start("import signal, time; signal.signal(2, signal.SIG_IGN); print(flush=True); time.sleep(30)")
    deaf = start(
        "import signal, time; signal.signal(2, signal.SIG_IGN); signal.signal(15, signal.SIG_IGN)\n"
        "print(flush=True); time.sleep(30)"
    )
    begin = time.monotonic()
    # a zombie still counts as alive to killpg, so reap as a launcher's init would

    for process in (gentle, firm, deaf):
        threading.Thread(target=process.wait, daemon=True).start()
    guardian.end_groups({gentle.pid, firm.pid, deaf.pid}, grace_s=0.3)
    codes = [process.wait(timeout=5) for process in (gentle, firm, deaf)]
    assert codes == [-signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL] or codes[0] == 1  # Python turns SIGINT into 1
    assert codes[1:] == [-signal.SIGTERM, -signal.SIGKILL]
    assert time.monotonic() - begin < 3.0
    for process in (gentle, firm, deaf):
        process.stdout.close()


def test_groups_taken_off_the_list_are_spared():
    spared, ended = (start("import time; print(flush=True); time.sleep(30)") for _ in range(2))
    lines = f"+{spared.pid}\n+{ended.pid}\n-{spared.pid}\n"
    subprocess.run([sys.executable, "-I", "-S", guardian.__file__], input=lines, text=True, timeout=20, check=True)
    assert ended.wait(timeout=5) != 0 and spared.poll() is None
    spared.kill()
    spared.wait()
    for process in (spared, ended):
        process.stdout.close()


def test_unknown_groups_are_no_error():
    guardian.end_groups({2**22 - 1}, grace_s=0.05)
