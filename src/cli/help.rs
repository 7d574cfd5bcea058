//! The text of `-h`.

pub const HELP: &str = "\
Usage: corebus [options]

Server Options:
    -a, --addr, --net <host>         Bind to host address (default: 0.0.0.0)
    -p, --port <port>                Use port for clients (default: 4222, -1: any free one)
    -n, --name, --server_name <name> Server name (default: its id)
    -P, --pid <file>                 File to store PID
    -m, --http_port <port>           Port for monitoring (default: none, -1: any free one)
        --ports_file_dir <dir>       Creates a ports file in the specified directory
    -sd, --store_dir <dir>           Taken but not used: where JetStream, which is not there yet, would store
    -sl, --signal <signal>[=<pid>]   Send signal to a running server (ldm, quit, reload, reopen, stop, term)
                                     <pid> can be a PID or the path of a PID file

Cores:
        --shards <n>                 Shards, one a core (default: the cores this process may use)
        --cpus <list>                CPUs they are pinned to, e.g. 0-3,8 (default: those, in order)
        --driver <uring|epoll>       How shards talk to the kernel (default: uring where it works)
        --placement <spread|home|auto>  Connections go to the least loaded shard, or where their
                                     account lives; auto: and move while they run, when a shard is busy

Configuration:
    -c, --config <file>              Configuration file, in nats-server's language
    -t                               Test configuration and exit
        --set <key>=<value>          One key of the configuration, e.g. max_payload=2MB or
                                     authorization.timeout=5

Logging Options:
    -l, --log <file>                 File to redirect log output
    -T, --logtime                    Timestamp log entries (default: true)
        --logtime_utc                Timestamps in UTC instead of local time
        --log_size_limit <bytes>     Rotate the log file at this size (default: never)
    -s, --syslog                     Log to the syslog of this machine
    -r, --remote_syslog <url>        Log to a syslog server: udp://host:port, tcp://host:port, unix:///path
    -D, --debug                      Enable debugging output
    -V, --trace                      Trace the raw protocol
    -VV                              Trace that of the system account too
    -DV                              Debug and trace
    -DVV                             Debug and trace, that of the system account too
        --max_traced_msg_len <len>   Maximum printable length for traced messages (default: unlimited)

Authorization Options:
        --user <user>                User required for connections
        --pass <password>            Password required for connections
        --auth <token>               Authorization token required for connections

Common Options:
    -h, --help                       Show this message
    -v, --version                    Show version
";
