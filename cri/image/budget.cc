// SPDX-License-Identifier: Apache-2.0
#include "cri/image/budget.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runtime/base/text.h"

namespace cri::image {
namespace {

// The stock as it gets smaller.
class Remainder {
 public:
  explicit Remainder(const Stock& stock)
      : stock_(stock), bytes_(BytesOf(stock)) {
    for (const Stock::Item& item : stock.items) {
      for (const std::string& layer : LayersOf(item)) ++users_[layer];
    }
  }

  uint64_t bytes() const { return bytes_; }

  // The image stays, and so do its layers, whoever else goes.
  void Keep(const Stock::Item& item) {
    for (const std::string& layer : LayersOf(item)) kept_.insert(layer);
  }

  // Whether its removal, or that of all who share with it, frees anything but
  // its config.
  bool Frees(const Stock::Item& item) const {
    for (const std::string& layer : LayersOf(item)) {
      const auto found = stock_.layers.find(layer);
      if (found != stock_.layers.end() && found->second.bytes > 0 &&
          !found->second.IsKept() && kept_.count(layer) == 0) {
        return true;
      }
    }
    return false;
  }

  void Remove(const Stock::Item& item) {
    bytes_ -= item.image->config_json.size();
    for (const std::string& layer : LayersOf(item)) {
      const auto found = stock_.layers.find(layer);
      if (--users_[layer] > 0 || found == stock_.layers.end()) continue;
      if (!found->second.IsKept()) bytes_ -= found->second.bytes;
    }
  }

 private:
  // Each once.
  static std::set<std::string> LayersOf(const Stock::Item& item) {
    return {item.record.layers.begin(), item.record.layers.end()};
  }

  const Stock& stock_;
  uint64_t bytes_;
  std::map<std::string, int> users_;
  std::set<std::string> kept_;
};

std::string Unused(const Stock::Item& item, absl::Time now) {
  return absl::StrCat("unused for ", absl::FormatDuration(absl::Trunc(
                                         now - item.used, absl::Seconds(1))));
}

// What may become of each image.
struct Choice {
  std::vector<const Stock::Item*> staying;
  std::vector<const Stock::Item*> old;   // for the age
  std::vector<const Stock::Item*> ripe;  // for the size, longest unused first
  // When the next one gets there.
  absl::Time next_old = absl::InfiniteFuture();
  absl::Time next_ripe = absl::InfiniteFuture();
};

Choice Choose(const Stock& stock, const Budget& budget, absl::Time now) {
  Choice choice;
  const bool by_age = budget.max_unused > absl::ZeroDuration();
  for (const Stock::Item& item : stock.items) {
    const absl::Time ripe = item.QuietSince() + kLeastAge;
    const absl::Time old = by_age
                               ? std::max(ripe, item.used + budget.max_unused)
                               : absl::InfiniteFuture();
    if (!item.IsUnused()) {
      choice.staying.push_back(&item);
    } else if (old <= now) {
      choice.old.push_back(&item);
    } else {
      choice.next_old = std::min(choice.next_old, old);
      if (ripe > now) choice.next_ripe = std::min(choice.next_ripe, ripe);
      (ripe <= now ? choice.ripe : choice.staying).push_back(&item);
    }
  }
  std::stable_sort(
      choice.ripe.begin(), choice.ripe.end(),
      [](const auto* a, const auto* b) { return a->used < b->used; });
  return choice;
}

}  // namespace

BudgetPlan PlanRemovals(const Stock& stock, const Budget& budget,
                        absl::Time now) {
  BudgetPlan plan;
  const Choice choice = Choose(stock, budget, now);
  plan.next = choice.next_old;
  Remainder rest(stock);
  for (const Stock::Item* item : choice.staying) rest.Keep(*item);
  const auto remove = [&](const Stock::Item& item, std::string why) {
    rest.Remove(item);
    plan.removals.push_back({item.record.id, NameOf(*item.image),
                             item.QuietSince(), std::move(why)});
  };
  for (const Stock::Item* item : choice.old) {
    remove(*item, absl::StrCat(Unused(*item, now), ", image_max_unused is ",
                               absl::FormatDuration(budget.max_unused)));
  }
  const auto is_over = [&] {
    return budget.max_bytes > 0 && rest.bytes() > budget.max_bytes;
  };
  for (const Stock::Item* item : choice.ripe) {
    if (!is_over()) break;
    if (!rest.Frees(*item)) continue;
    remove(*item,
           absl::StrCat("images take ", runtime::HumanBytes(rest.bytes()),
                        ", image_max_bytes is ",
                        runtime::HumanBytes(budget.max_bytes), "; ",
                        Unused(*item, now)));
  }
  if (is_over()) plan.next = std::min(plan.next, choice.next_ripe);
  plan.bytes_left = rest.bytes();
  return plan;
}

}  // namespace cri::image
