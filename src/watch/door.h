/* Where a rank can be reached by UDP: a socket's port and the addresses of its host. Internal to
 * watch/. */
#ifndef TRAINER_WATCH_DOOR_H
#define TRAINER_WATCH_DOOR_H

#include <stdint.h>
#include <sys/socket.h>

#define DOOR_ADDRESSES 8 /* of a host, at most */

/* Zeros: nowhere. IPv4 addresses are mapped to IPv6. */
struct Door {
    int32_t addresses;
    uint16_t port; /* in network byte order */
    uint8_t address[DOOR_ADDRESSES][16];
};

/* Opens a socket on a port that the system chooses, and fills in the door. Returns the socket,
 * which the caller closes, and in *family AF_INET6 or, on a host without IPv6, AF_INET. On failure
 * it returns -1 and leaves the door as it was. */
int door__open(struct Door *door, int *family);

/* The door's address `index` as a socket of `family` sends to it. Returns its length; 0 if such a
 * socket cannot reach it. */
socklen_t door__address(const struct Door *door, int family, int index,
                        struct sockaddr_storage *to);

#endif
