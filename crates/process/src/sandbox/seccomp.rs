//! The system calls that a command without network may not make.
//!
//! Landlock's TCP rules leave UDP, MPTCP, raw, packet and vsock sockets open, and a TCP connection
//! made by `sendto` with fast open; so `socket()` itself is filtered. `io_uring` makes sockets
//! without that call and is refused.

use libc::{
    BPF_ABS, BPF_ALU, BPF_AND, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, c_long,
    sock_filter,
};

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
const fn refuse(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e; // AUDIT_ARCH_X86_64
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7; // AUDIT_ARCH_AARCH64
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the sandbox knows the system calls of x86_64 and aarch64 alone");

/// Places in `struct seccomp_data` (little endian: the low half of an argument comes first).
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const fn argument(place: u32) -> u32 {
    16 + 8 * place
}

/// The filter of a command without network. With `tcp`, TCP sockets may be made (Landlock then
/// decides which ports they reach), but not connected by fast open, which Landlock does not see.
pub(super) fn no_network(tcp: bool) -> Vec<sock_filter> {
    // Each block begins with the call's number in the accumulator and either skips itself or
    // returns, so that every jump is short and forward.
    let mut filter = vec![
        load(ARCH),
        // Another architecture has other numbers: nothing it calls could be judged.
        jump(BPF_JEQ, ARCHITECTURE, 1, 0),
        answer(KILL),
        load(NUMBER),
    ];
    if cfg!(target_arch = "x86_64") {
        // The x32 ABI: the same architecture, but other numbers.
        filter.extend([jump(BPF_JGE, 0x4000_0000, 0, 1), answer(refuse(libc::ENOSYS))]);
    }
    for call in [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register] {
        block(&mut filter, call, &[answer(refuse(libc::EPERM))]);
    }
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        block(&mut filter, call, &sockets(tcp));
    }
    if tcp {
        for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
            let fast_open = libc::MSG_FASTOPEN as u32;
            block(
                &mut filter,
                call,
                &[
                    load(argument(flags)),
                    jump(BPF_JSET, fast_open, 0, 1),
                    answer(refuse(libc::EACCES)),
                    answer(ALLOW),
                ],
            );
        }
    }
    filter.push(answer(ALLOW));
    filter
}

fn sockets(tcp: bool) -> Vec<sock_filter> {
    let mut body = vec![load(argument(0))];
    for family in [libc::AF_UNIX, libc::AF_NETLINK] {
        body.extend([jump(BPF_JEQ, family as u32, 0, 1), answer(ALLOW)]);
    }
    if tcp {
        body.extend([
            jump(BPF_JEQ, libc::AF_INET as u32, 1, 0),
            jump(BPF_JEQ, libc::AF_INET6 as u32, 0, 7),
            load(argument(1)),
            // The upper bits are flags such as SOCK_CLOEXEC.
            statement(BPF_ALU | BPF_AND | BPF_K, 0xf),
            jump(BPF_JEQ, libc::SOCK_STREAM as u32, 0, 4),
            load(argument(2)),
            jump(BPF_JEQ, 0, 1, 0),
            jump(BPF_JEQ, libc::IPPROTO_TCP as u32, 0, 1),
            answer(ALLOW),
        ]);
    }
    body.push(answer(refuse(libc::EACCES)));
    body
}

fn block(filter: &mut Vec<sock_filter>, call: c_long, body: &[sock_filter]) {
    filter.push(jump(BPF_JEQ, call as u32, 0, body.len() as u8));
    filter.extend_from_slice(body);
}

fn load(place: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, place)
}

fn answer(value: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, value)
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Skips `yes` instructions if the comparison of the accumulator with `k` holds, else `no`.
fn jump(comparison: u32, k: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | comparison | BPF_K) as u16, jt: yes, jf: no, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's interpreter, as far as these filters need one.
    fn judge(filter: &[sock_filter], architecture: u32, call: c_long, arguments: [u32; 4]) -> u32 {
        let (mut accumulator, mut at) = (0u32, 0usize);
        loop {
            let step = filter[at];
            at += 1;
            let code = u32::from(step.code);
            if code == BPF_RET | BPF_K {
                return step.k;
            } else if code == BPF_LD | BPF_W | BPF_ABS {
                accumulator = match step.k {
                    NUMBER => call as u32,
                    ARCH => architecture,
                    place => arguments[(place as usize - 16) / 8],
                };
            } else if code == BPF_ALU | BPF_AND | BPF_K {
                accumulator &= step.k;
            } else {
                let holds = match code & !(BPF_JMP | BPF_K) {
                    BPF_JEQ => accumulator == step.k,
                    BPF_JGE => accumulator >= step.k,
                    BPF_JSET => accumulator & step.k != 0,
                    other => panic!("comparison {other}"),
                };
                at += usize::from(if holds { step.jt } else { step.jf });
            }
        }
    }

    fn socket(tcp: bool, family: i32, kind: i32, protocol: i32) -> bool {
        let arguments = [family as u32, kind as u32, protocol as u32, 0];
        judge(&no_network(tcp), ARCHITECTURE, libc::SYS_socket, arguments) == ALLOW
    }

    #[test]
    fn without_network_only_local_sockets_are_made() {
        for (family, allowed) in [
            (libc::AF_UNIX, true),
            (libc::AF_NETLINK, true),
            (libc::AF_INET, false),
            (libc::AF_INET6, false),
            (libc::AF_VSOCK, false),
            (libc::AF_PACKET, false),
        ] {
            assert_eq!(socket(false, family, libc::SOCK_STREAM, 0), allowed, "family {family}");
        }
    }

    #[test]
    fn with_ports_only_plain_tcp_is_made_besides() {
        let stream = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
        assert!(socket(true, libc::AF_UNIX, libc::SOCK_DGRAM, 0));
        assert!(socket(true, libc::AF_INET, stream, 0));
        assert!(socket(true, libc::AF_INET6, stream, libc::IPPROTO_TCP));
        assert!(!socket(true, libc::AF_INET, stream, libc::IPPROTO_MPTCP));
        assert!(!socket(true, libc::AF_INET, libc::SOCK_DGRAM, 0));
        assert!(!socket(true, libc::AF_VSOCK, stream, 0));
        let filter = no_network(true);
        let send = |flags| judge(&filter, ARCHITECTURE, libc::SYS_sendto, [3, 0, 0, flags]);
        assert_eq!(send(0), ALLOW);
        assert_eq!(send(libc::MSG_FASTOPEN as u32), refuse(libc::EACCES));
    }

    #[test]
    fn other_numbers_are_not_trusted() {
        let filter = no_network(false);
        assert_eq!(judge(&filter, 0x4000_0003, libc::SYS_read, [0; 4]), KILL);
        if cfg!(target_arch = "x86_64") {
            assert_ne!(judge(&filter, ARCHITECTURE, 0x4000_0000 + 41, [0; 4]), ALLOW);
        }
        assert_eq!(judge(&filter, ARCHITECTURE, libc::SYS_io_uring_setup, [0; 4]), refuse(libc::EPERM));
        assert_eq!(judge(&filter, ARCHITECTURE, libc::SYS_read, [0; 4]), ALLOW);
    }
}
