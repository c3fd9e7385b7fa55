# Runs a program in a terminal of 100x30 and types: each line of stdin is a key or several, as cttop names
# them; where a prompt opens, the word that fits. FILE is what the screen is written to.
# Usage: typist.py FILE PROGRAM... <KEYS
import fcntl, os, pty, select, struct, sys, termios, time

NAMES = {"Enter": "\r", "Backspace": "\x7f", "Esc": "\x1b", "Tab": "\t", "S-Tab": "\x1b[Z", "Space": " ",
         "Up": "\x1b[A", "Down": "\x1b[B", "Right": "\x1b[C", "Left": "\x1b[D", "PgUp": "\x1b[5~",
         "PgDn": "\x1b[6~", "Home": "\x1b[H", "End": "\x1b[F", "F1": "\x1bOP", "F10": "\x1b[21~",
         "^U": "\x15", "^D": "\x04", "^L": "\x0c", "^C": "\x03"}
PROMPTS = {"f": "tcp\r", "/": "443\r", "d": "0.3\r", "w": sys.argv[1] + "\r"}

def drain(fd, seconds):
    end = time.time() + seconds
    while time.time() < end:
        if select.select([fd], [], [], 0.02)[0]:
            try:
                os.read(fd, 65536)
            except OSError:
                return

keys = [key.strip() for line in sys.stdin for key in line.split(", ")]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
drain(fd, 1.5)
for key in [key for key in keys if key not in ("q", "F10", "^C")] + ["q"]:
    os.write(fd, NAMES.get(key, key).encode())
    drain(fd, 0.15)
    if key in PROMPTS:
        os.write(fd, PROMPTS[key].encode())
        drain(fd, 0.3)
drain(fd, 0.5)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
