/** Connections the kernel completes ahead of `accept`; it caps the number by net.core.somaxconn. */
export const LISTEN_BACKLOG = 4_096;
