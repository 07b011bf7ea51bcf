/*
 * child: the programs that the demo runs.
 *
 * Owns their processes and log files. Promises:
 *   1. a child never outlives the demo: before it becomes the program it asks the kernel for
 *      SIGTERM at its parent's death;
 *   2. a child is not in the terminal's foreground group: ^C reaches the demo alone, which decides
 *      the order in which things stop;
 *   3. child_stop returns when the process is gone.
 * Does not know what the programs are for.
 */
#include "child.h"

#include "base/clock.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A server drains for ten seconds at most; after that it has had its chance. */
enum { STOP_MS = 12000, LOG_SHOWN_LINES = 15 };

static const sigset_t *our_signals(void)
{
    static sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    return &set;
}

void child_block_signals(void)
{
    sigprocmask(SIG_BLOCK, our_signals(), NULL);
}

int child_pause(int limit_ms)
{
    struct timespec limit = { limit_ms / 1000, limit_ms % 1000 * 1000000L };
    int number = sigtimedwait(our_signals(), NULL, limit_ms < 0 ? NULL : &limit);
    return number > 0 ? number : 0;
}

/* Between fork and exec: system calls only. */
static _Noreturn void become(const char *const argv[], int log_fd, pid_t demo)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != demo) {
        _exit(1); /* the demo died before it could be said */
    }
    int null_fd = open("/dev/null", O_RDONLY);
    dup2(null_fd, STDIN_FILENO);
    dup2(log_fd, STDOUT_FILENO);
    dup2(log_fd, STDERR_FILENO);
    sigprocmask(SIG_UNBLOCK, our_signals(), NULL);
    execv(argv[0], (char *const *)argv);
    dprintf(STDERR_FILENO, "%s could not be run: %s\n", argv[0], strerror(errno));
    _exit(127);
}

bool child_start(struct child *child, const char *name, const char *log, const char *const argv[],
    struct err *err)
{
    *child = (struct child){ .name = name };
    snprintf(child->log, sizeof(child->log), "%s", log);
    int log_fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) {
        return err_set(err, "The log file %s cannot be written: %s.", log, strerror(errno));
    }
    pid_t demo = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become(argv, log_fd, demo);
    }
    int why = errno;
    close(log_fd);
    if (pid < 0) {
        return err_set(err, "%s could not be started: %s.", name, strerror(why));
    }
    child->pid = pid;
    return true;
}

/* Where the last `lines` lines of a text begin. */
static const char *last_lines(const char *text, size_t len, int lines)
{
    size_t at = len;
    while (at > 0 && (text[at - 1] != '\n' || at == len || --lines > 0)) {
        at--;
    }
    return text + at;
}

/* The whole log, up to a limit from its end; the caller frees it. NULL when there is none. */
static char *read_log(const struct child *child)
{
    enum { LIMIT = 64 * 1024 };
    FILE *file = fopen(child->log, "re");
    char *text = calloc(1, LIMIT + 1);
    if (file && text) {
        if (fseek(file, -LIMIT, SEEK_END) != 0) {
            rewind(file); /* it is shorter than the limit */
        }
        text[fread(text, 1, LIMIT, file)] = '\0';
    }
    if (file) {
        fclose(file);
    }
    return text;
}

static void show_log(const struct child *child)
{
    char *text = read_log(child);
    if (text && *text) {
        fprintf(stderr, "---- the end of %s\n%s----\n", child->log,
            last_lines(text, strlen(text), LOG_SHOWN_LINES));
    }
    free(text);
}

bool child_is_running(struct child *child, struct err *err)
{
    int status = 0;
    if (waitpid(child->pid, &status, WNOHANG) == 0) {
        return true;
    }
    child->pid = 0;
    show_log(child);
    if (WIFSIGNALED(status)) {
        return err_set(err, "%s was ended by signal %d (%s).", child->name, WTERMSIG(status),
            strsignal(WTERMSIG(status)));
    }
    return err_set(err, "%s ended with exit code %d.", child->name, WEXITSTATUS(status));
}

bool child_has_said(const struct child *child, const char *words)
{
    char *text = read_log(child);
    bool is_said = false;
    for (const char *line = text; line && !is_said; line = strchr(line, '\n')) {
        line += *line == '\n';
        is_said = strncmp(line, words, strlen(words)) == 0;
    }
    free(text);
    return is_said;
}

void child_stop(struct child *child)
{
    if (child->pid <= 0) {
        return;
    }
    uint64_t limit_us = clock_now_us() + STOP_MS * 1000;
    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, NULL, WNOHANG) == 0) {
        if (clock_now_us() > limit_us) {
            kill(child->pid, SIGKILL);
        }
        child_pause(20); /* ends early when it has ended */
    }
    child->pid = 0;
}
