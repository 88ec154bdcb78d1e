import type { Messages } from '../messages.ts'

export const views: Messages['views'] = {
  title: 'Khung nhìn',
  none: 'Chưa lưu khung nhìn nào',
  name: 'Tên khung nhìn',
  share: 'Chia sẻ với mọi người trong tổ chức',
  shared: 'đã chia sẻ',
  sharedBy: (user) => `${user} chia sẻ`,
  delete: (name) => `Xóa khung nhìn ${name}`,
  inBrowser: (count) => `${count} khung nhìn chỉ được lưu trong trình duyệt này.`,
  move: 'Chuyển lên máy chủ',
  forget: 'Xóa',
}
