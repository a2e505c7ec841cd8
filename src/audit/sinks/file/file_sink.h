// FileSink: Vault's file audit device as an exporter of the log. It copies records at the end of a durable
// group and writes them on its own thread with one write() each time; a file that cannot be written makes it
// fall behind, never a request wait. What it missed it reads from the log again: each line at least once.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "audit/log.h"
#include "base/env.h"
#include "base/fd.h"

namespace strongroom::audit::sinks {

struct FileSinkOptions {
  std::string file_path;  // or "stdout", "discard"
  unsigned mode = 0600;   // of a new file; 0: leave it as it is
  std::string prefix;     // before each line
  // Not empty: whoever asked for the file may only have one in this directory or in a folder of it that is
  // there. See open_beneath().
  std::string beneath;
  // From the options of `PUT sys/audit/:path`. Code::invalid_argument names the option and the rule;
  // log_raw=true and hmac_accessor=false are refused: the log has no raw values to give.
  static Result<FileSinkOptions> parse(const std::map<std::string, std::string>& options);
};

// A file in `directory` to append to, for those who may not choose any other: no step on the way is a link
// or leads up, folders are not made, the file is new or a regular file of the server's own user with one
// name, never a program and never one that others write. Code::invalid_argument names the rule.
enum class Opening : std::uint8_t {
  for_real,
  to_look
};  // to_look: makes nothing; without a file gives no Fd
Result<Fd> open_beneath(const std::string& directory, std::string_view file, unsigned mode, Opening);

class FileSink final : public Reader {
 public:
  struct Place {
    std::string name;                        // of the device; part of a file name, made safe
    std::filesystem::path positions;         // <audit directory>/sinks; empty: positions are not kept (-dev)
    std::optional<std::uint64_t> from = {};  // where a device without a position starts; absent: at the end
  };
  // Where a device stands that is not open.
  static std::uint64_t stored_position(const Place&, const audit::Log&);
  // Opens the file and hears of the log's groups from now on; a known device goes on where it stood. The log
  // must outlive it.
  static Result<std::unique_ptr<FileSink>> open(Place, FileSinkOptions, audit::Log&, Env&);
  ~FileSink() override;  // writes what it has, and its position

  void take(std::uint64_t sequence, const Record&) noexcept override;
  void flush() noexcept override;

  Status reopen();  // SIGHUP: after a rotation
  // Everything below is written, or will not be wanted again after a restart.
  std::uint64_t acknowledged() const;
  // Why the last round did not write; empty: it did. While the server is sealed nothing is amiss.
  std::string trouble() const;
  // Waits until it has written everything the log had at the time of the call, or cannot.
  Status settle();
  // Forgets the position: the device was disabled.
  void forget();

 private:
  FileSink(Place, FileSinkOptions, audit::Log&, Env&, Fd, std::uint64_t next);
  static Result<Fd> open_file(const FileSinkOptions&);
  void run();
  Status work(std::string& records, std::uint64_t first, std::uint64_t end);
  Status catch_up(std::uint64_t to);
  Status write_lines();
  bool has_room();
  void store_position();

  const Place place_;
  const FileSinkOptions options_;
  audit::Log& log_;
  Env& env_;
  const std::unique_ptr<RecordCursor> cursor_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable settled_;
  std::string pending_;  // length and encoding of each record that was taken
  std::uint64_t pending_first_ = 0;
  std::uint64_t pending_end_ = 0;
  bool due_ = true;
  bool ending_ = false;
  bool forgotten_ = false;
  bool stalled_ = false;
  std::uint64_t next_;  // sequence of the next record to be written
  std::uint64_t rounds_ = 0;
  Status last_;              // of the last round
  std::optional<Fd> fresh_;  // from reopen()

  // The sink's thread only.
  Fd file_;
  std::string lines_;
  std::uint64_t at_ = 0;
  std::uint64_t stored_ = UINT64_MAX;
  MonoTime stored_at_{};
  bool line_cut_ = false;
  bool regular_;

  std::thread thread_;
};

}  // namespace strongroom::audit::sinks
