#include "watch/door.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool is_mapped(const uint8_t address[16]) {
    return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)address);
}

socklen_t door__address(const struct Door *door, int family, int index,
                        struct sockaddr_storage *to) {
    const uint8_t *address = door->address[index];
    memset(to, 0, sizeof *to);
    if (family == AF_INET6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)to;
        six->sin6_family = AF_INET6;
        six->sin6_port = door->port;
        memcpy(&six->sin6_addr, address, 16);
        return sizeof *six;
    }
    struct sockaddr_in *four = (struct sockaddr_in *)to;
    four->sin_family = AF_INET;
    four->sin_port = door->port;
    memcpy(&four->sin_addr, address + 12, 4);
    return is_mapped(address) ? sizeof *four : 0;
}

/* Takes the address of an interface that other hosts may reach; false if they may not. */
static bool take_address(const struct ifaddrs *interface, uint8_t address[16]) {
    if (!interface->ifa_addr || !(interface->ifa_flags & IFF_UP) ||
        interface->ifa_flags & IFF_LOOPBACK)
        return false;
    if (interface->ifa_addr->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)interface->ifa_addr;
        memset(address, 0, 10);
        memset(address + 10, 0xff, 2);
        memcpy(address + 12, &four->sin_addr, 4);
        return true;
    }
    if (interface->ifa_addr->sa_family != AF_INET6)
        return false;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)interface->ifa_addr;
    memcpy(address, &six->sin6_addr, 16);
    return !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr);
}

static void list_addresses(struct Door *door) {
    struct ifaddrs *interfaces;
    if (getifaddrs(&interfaces))
        return;
    for (const struct ifaddrs *i = interfaces; i && door->addresses < DOOR_ADDRESSES;
         i = i->ifa_next)
        if (take_address(i, door->address[door->addresses]))
            door->addresses++;
    freeifaddrs(interfaces);
}

/* A socket bound to a port that the system chooses; -1 if there is none. */
static int bind_to_any_port(int family) {
    int off = 0, on = 1;
    struct sockaddr_storage any = {.ss_family = (sa_family_t)family};
    socklen_t length =
        family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int bound = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bound < 0)
        return -1;
    if (family == AF_INET6) {
        setsockopt(bound, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        setsockopt(bound, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
    }
    setsockopt(bound, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    if (!bind(bound, (struct sockaddr *)&any, length))
        return bound;
    close(bound);
    return -1;
}

/* An IPv6 socket reaches IPv4 addresses, too. */
int door__open(struct Door *door, int *family) {
    *family = AF_INET6;
    int opened = bind_to_any_port(*family);
    if (opened < 0) {
        *family = AF_INET;
        opened = bind_to_any_port(*family);
    }
    struct sockaddr_storage own;
    socklen_t length = sizeof own;
    if (opened < 0 || getsockname(opened, (struct sockaddr *)&own, &length)) {
        if (opened >= 0)
            close(opened);
        return -1;
    }
    door->port = *family == AF_INET6 ? ((struct sockaddr_in6 *)&own)->sin6_port
                                     : ((struct sockaddr_in *)&own)->sin_port;
    list_addresses(door);
    return opened;
}
