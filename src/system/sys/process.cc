// Metrics of the process, from /proc/self.
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>

#include "system/sys/metrics.h"

namespace strongroom::system::sys {
namespace {
using metrics::Kind;
using metrics::Sample;

std::string whole(const char* path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

// Field n of /proc/self/stat, counted as in proc(5); the name before them may hold anything but is in
// brackets.
double stat_field(int n) {
  const std::string text = whole("/proc/self/stat");
  std::istringstream in(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string word;
  for (int i = 2; i < n && in >> word; ++i) {
  }
  double value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}

double per_second() { return static_cast<double>(::sysconf(_SC_CLK_TCK)); }

double seconds_of(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

// /proc/stat has it too, but a service that sees of /proc its own process alone cannot read that.
double boot_time() { return seconds_of(CLOCK_REALTIME) - seconds_of(CLOCK_BOOTTIME); }

double open_files() {
  double count = 0;
  if (DIR* const dir = ::opendir("/proc/self/fd"); dir != nullptr) {
    while (::readdir(dir) != nullptr) ++count;
    ::closedir(dir);
  }
  return std::max(0.0, count - 3);  // ".", ".." and this reading
}

double most_files() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

void describe_process(metrics::Registry& all, std::string version) {
  all.add({"strongroom_build_info",
           "Always 1; the label is what matters.",
           Kind::gauge,
           {"version"},
           {},
           [version = std::move(version)] { return std::vector<Sample>{{{{"version", version}}, 1}}; }});
  all.number(Kind::counter, "process_cpu_seconds_total", "Processor time used by the server, in seconds.",
             [] { return (stat_field(14) + stat_field(15)) / per_second(); });
  const auto resident = [] { return stat_field(24) * static_cast<double>(::sysconf(_SC_PAGESIZE)); };
  all.number(Kind::gauge, "process_resident_memory_bytes",
             "Memory in use, pages of the store's file that the kernel caches included.", resident);
  all.number(Kind::gauge, "process_virtual_memory_bytes",
             "Address space, of which the store reserves most without using it.",
             [] { return stat_field(23); });
  all.number(Kind::gauge, "process_open_fds", "Open files and sockets.", open_files);
  all.number(Kind::gauge, "process_max_fds", "How many files and sockets may be open.", most_files);
  all.number(Kind::gauge, "process_start_time_seconds", "When the process started, in seconds since 1970.",
             [started = boot_time() + stat_field(22) / per_second()] { return started; });
  all.number(Kind::gauge, "vault_runtime_sys_bytes", "Memory in use: process_resident_memory_bytes.",
             resident, "vault.runtime.sys_bytes");
}

}  // namespace strongroom::system::sys
