#include "system/sys/host.h"

#include <fmt/format.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include "schema/json.h"

namespace strongroom::system::sys {
namespace {
using engine::route;
using engine::Verb;
using schema::field;

// An object or a list, written member by member.
class Text {
 public:
  Text() : writer_(out_.bytes) {}
  json::Writer& writer() { return writer_; }
  Text& text(std::string_view name, std::string_view value) {
    writer_.key(name);
    writer_.string(value);
    return *this;
  }
  Text& number(std::string_view name, double value) {
    writer_.key(name);
    writer_.raw(fmt::format("{}", value));
    return *this;
  }
  Text& number(std::string_view name, std::uint64_t value) {
    writer_.key(name);
    writer_.raw(fmt::format("{}", value));
    return *this;
  }
  schema::StoredJson take() { return std::move(out_); }

 private:
  schema::StoredJson out_;
  json::Writer writer_;
};

double parsed(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

schema::StoredJson processors() {
  Text out;
  auto& w = out.writer();
  w.begin_array();
  std::ifstream in("/proc/cpuinfo");
  std::map<std::string, std::string, std::less<>> one;
  const auto give = [&] {
    if (one.empty()) return;
    w.begin_object();
    out.number("cpu", parsed(one["processor"]))
        .text("vendorId", one["vendor_id"])
        .text("family", one["cpu family"])
        .text("model", one["model"])
        .number("stepping", parsed(one["stepping"]))
        .text("physicalId", one["physical id"])
        .text("coreId", one["core id"])
        .number("cores", parsed(one["cpu cores"]))
        .text("modelName", one["model name"])
        .number("mhz", parsed(one["cpu MHz"]))
        .number("cacheSize", parsed(one["cache size"]))
        .text("microcode", one["microcode"]);
    w.end_object();
    one.clear();
  };
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (line.empty()) give();
    if (colon == line.npos) continue;
    one[std::string(trimmed(line.substr(0, colon)))] = trimmed(std::string_view(line).substr(colon + 1));
  }
  give();
  w.end_array();
  return out.take();
}

schema::StoredJson processor_times() {
  static constexpr std::string_view names[] = {"user", "nice",    "system", "idle",  "iowait",
                                               "irq",  "softirq", "steal",  "guest", "guestNice"};
  Text out;
  auto& w = out.writer();
  w.begin_array();
  std::ifstream in("/proc/stat");
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("cpu") || line.starts_with("cpu ")) continue;
    std::istringstream words(line);
    std::string word;
    words >> word;
    w.begin_object();
    out.text("cpu", word);
    for (const auto name : names) {
      double spent = 0;
      words >> spent;
      out.number(name, spent / ticks);
    }
    w.end_object();
  }
  w.end_array();
  return out.take();
}

double share(double part, double whole) { return whole == 0 ? 0 : part / whole * 100; }

schema::StoredJson disks() {
  Text out;
  auto& w = out.writer();
  w.begin_array();
  std::ifstream in("/proc/self/mounts");
  std::set<std::string> seen;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string device, path, kind;
    words >> device >> path >> kind;
    struct statvfs s{};
    if (!device.starts_with("/dev/") || !seen.insert(device).second || ::statvfs(path.c_str(), &s) != 0)
      continue;
    const std::uint64_t total = s.f_blocks * s.f_frsize;
    const std::uint64_t used = (s.f_blocks - s.f_bfree) * s.f_frsize;
    const std::uint64_t room = s.f_bavail * s.f_frsize;
    w.begin_object();
    out.text("path", path)
        .text("fstype", kind)
        .number("total", total)
        .number("free", room)
        .number("used", used)
        .number("usedPercent", share(static_cast<double>(used), static_cast<double>(used + room)))
        .number("inodesTotal", std::uint64_t{s.f_files})
        .number("inodesUsed", std::uint64_t{s.f_files - s.f_ffree})
        .number("inodesFree", std::uint64_t{s.f_ffree})
        .number("inodesUsedPercent",
                share(static_cast<double>(s.f_files - s.f_ffree), static_cast<double>(s.f_files)));
    w.end_object();
  }
  w.end_array();
  return out.take();
}

std::map<std::string, std::string, std::less<>> release() {
  std::map<std::string, std::string, std::less<>> out;
  std::ifstream in("/etc/os-release");
  for (std::string line; std::getline(in, line);) {
    const auto equals = line.find('=');
    if (equals == line.npos) continue;
    auto value = std::string_view(line).substr(equals + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    out[line.substr(0, equals)] = value;
  }
  return out;
}

schema::StoredJson machine(WallTime now) {
  utsname names{};
  ::uname(&names);
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto uptime = static_cast<std::int64_t>(since_boot.tv_sec);
  std::ifstream load_file("/proc/loadavg");
  std::string word;
  for (int i = 0; i < 4; ++i) load_file >> word;  // "2/345": running, all
  const auto processes = parsed(std::string_view(word).substr(std::min(word.find('/') + 1, word.size())));
  auto os = release();
  Text out;
  out.writer().begin_object();
  out.text("hostname", names.nodename)
      .number("uptime", static_cast<std::uint64_t>(uptime))
      .number("bootTime", static_cast<std::uint64_t>(
                              std::chrono::floor<Seconds>(now).time_since_epoch().count() - uptime))
      .number("procs", processes)
      .text("os", "linux")
      .text("platform", os["ID"])
      .text("platformFamily", os["ID_LIKE"].empty() ? os["ID"] : os["ID_LIKE"])
      .text("platformVersion", os["VERSION_ID"])
      .text("kernelVersion", names.release)
      .text("kernelArch", names.machine);
  out.writer().end_object();
  return out.take();
}

schema::StoredJson memory() {
  std::map<std::string, std::uint64_t, std::less<>> kilobytes;
  std::ifstream in("/proc/meminfo");
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon == line.npos) continue;
    kilobytes[line.substr(0, colon)] = static_cast<std::uint64_t>(parsed(trimmed(line.substr(colon + 1))));
  }
  const auto bytes = [&](std::string_view name) {
    const auto at = kilobytes.find(name);
    return at == kilobytes.end() ? std::uint64_t{0} : at->second * 1024;
  };
  const auto total = bytes("MemTotal");
  const auto used = total - std::min(total, bytes("MemAvailable"));
  Text out;
  out.writer().begin_object();
  out.number("total", total)
      .number("available", bytes("MemAvailable"))
      .number("used", used)
      .number("usedPercent", share(static_cast<double>(used), static_cast<double>(total)));
  static constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"free", "MemFree"},
      {"active", "Active"},
      {"inactive", "Inactive"},
      {"buffers", "Buffers"},
      {"cached", "Cached"},
      {"writeBack", "Writeback"},
      {"dirty", "Dirty"},
      {"shared", "Shmem"},
      {"slab", "Slab"},
      {"sreclaimable", "SReclaimable"},
      {"sunreclaim", "SUnreclaim"},
      {"pageTables", "PageTables"},
      {"swapCached", "SwapCached"},
      {"swapTotal", "SwapTotal"},
      {"swapFree", "SwapFree"},
      {"commitLimit", "CommitLimit"},
      {"committedAS", "Committed_AS"},
      {"mapped", "Mapped"},
      {"hugePageSize", "Hugepagesize"}};
  for (const auto& [name, source] : kNames) out.number(name, bytes(source));
  out.writer().end_object();
  return out.take();
}

}  // namespace

struct Host::Machine {
  schema::Timestamp timestamp;
  schema::StoredJson cpu, cpu_times, disk, host, memory;
  static constexpr auto fields() {
    return std::array{field<&Machine::timestamp>("timestamp", "When it was read.", schema::plain),
                      field<&Machine::cpu>("cpu", "Its processors."),
                      field<&Machine::cpu_times>("cpu_times", "What they did since the start, in seconds."),
                      field<&Machine::disk>("disk", "Its file systems, in bytes."),
                      field<&Machine::host>("host", "Its name, kernel and system."),
                      field<&Machine::memory>("memory", "Its memory, in bytes.")};
  }
};

Result<Host::Machine> Host::host_info(engine::Blocking& p, const schema::Empty&) const {
  return Machine{{p.now}, processors(), processor_times(), disks(), machine(p.now), memory()};
}

namespace {
constexpr std::array kRoutes{
    route<&Host::host_info>(Verb::read, "host-info", "Processors, memory and disks of the machine",
                            engine::guarded, "collect-host-information"),
};
}  // namespace
std::span<const engine::Route> Host::routes(const engine::MountView&) const { return kRoutes; }

}  // namespace strongroom::system::sys
