// SPDX-License-Identifier: Apache-2.0
#include "runtime/hold/wire.h"

#include "runtime/state/codec.h"

namespace runtime::hold {
namespace {

constexpr uint32_t kRequestMagic = 0x51524300 | 1;  // format 1
constexpr uint32_t kReplyMagic = 0x50524300 | 1;

void EncodeMap(const std::vector<spec::IdMapping>& map, state::Writer* out) {
  out->U32(static_cast<uint32_t>(map.size()));
  for (const spec::IdMapping& line : map) {
    out->U32(line.container_id);
    out->U32(line.host_id);
    out->U32(line.size);
  }
}

void DecodeMap(state::Reader* in, std::vector<spec::IdMapping>* map) {
  map->resize(in->Count(12));
  for (spec::IdMapping& line : *map) {
    line.container_id = in->U32();
    line.host_id = in->U32();
    line.size = in->U32();
  }
}

}  // namespace

std::string Encode(const Request& request) {
  state::Writer out;
  out.U32(kRequestMagic);
  out.U32(static_cast<uint32_t>(request.type));
  out.Str(request.id);
  out.U32(static_cast<uint32_t>(request.value));
  out.U32(request.flags);
  out.Str(request.log_path);
  out.Str(request.cgroups_path);
  out.Str(request.hostname);
  out.U32(static_cast<uint32_t>(request.sysctls.size()));
  for (const auto& [name, value] : request.sysctls) {
    out.Str(name);
    out.Str(value);
  }
  EncodeMap(request.id_maps.uids, &out);
  EncodeMap(request.id_maps.gids, &out);
  out.Str(request.directory);
  out.U32(static_cast<uint32_t>(request.args.size()));
  for (const std::string& arg : request.args) out.Str(arg);
  out.U64(request.log_cap);
  return out.Take();
}

bool Decode(absl::string_view data, Request* request) {
  state::Reader in(data);
  if (in.U32() != kRequestMagic) return false;
  request->type = static_cast<RequestType>(in.U32());
  request->id = in.Str();
  request->value = static_cast<int32_t>(in.U32());
  request->flags = in.U32();
  request->log_path = in.Str();
  request->cgroups_path = in.Str();
  request->hostname = in.Str();
  uint32_t count = in.Count(8);
  request->sysctls.clear();
  for (uint32_t i = 0; i < count; ++i) {
    std::string name = in.Str();
    std::string value = in.Str();
    request->sysctls.emplace_back(std::move(name), std::move(value));
  }
  if (in.AtEnd()) return in.ok();
  DecodeMap(&in, &request->id_maps.uids);
  DecodeMap(&in, &request->id_maps.gids);
  request->directory = in.Str();
  request->args.clear();
  request->log_cap = 0;
  if (in.AtEnd()) return in.ok();
  count = in.Count(4);
  for (uint32_t i = 0; i < count; ++i) request->args.push_back(in.Str());
  if (!in.AtEnd()) request->log_cap = in.U64();
  return in.ok();
}

std::string Encode(const Reply& reply) {
  state::Writer out;
  out.U32(kReplyMagic);
  out.U32(static_cast<uint32_t>(reply.type));
  out.U32(static_cast<uint32_t>(reply.code));
  out.U32(static_cast<uint32_t>(reply.value));
  out.U32(static_cast<uint32_t>(reply.value2));
  out.Str(reply.text);
  out.Str(reply.type == ReplyType::kState ? state::Encode(reply.state)
                                          : std::string());
  return out.Take();
}

bool Decode(absl::string_view data, Reply* reply) {
  state::Reader in(data);
  if (in.U32() != kReplyMagic) return false;
  reply->type = static_cast<ReplyType>(in.U32());
  reply->code = static_cast<int32_t>(in.U32());
  reply->value = static_cast<int32_t>(in.U32());
  reply->value2 = static_cast<int32_t>(in.U32());
  reply->text = in.Str();
  std::string record = in.Str();
  if (!in.ok()) return false;
  if (reply->type != ReplyType::kState) return true;
  return state::Decode(record, &reply->state);
}

}  // namespace runtime::hold
