import type { Messages } from '../messages.ts'

export const palette: Messages['palette'] = {
  title: 'Bảng lệnh',
  label: 'Đến một trang, khung nhìn, quy trình hoặc lượt chạy, hoặc thực hiện một thao tác',
  placeholder: 'Trang, khung nhìn, quy trình, mã lượt chạy hoặc thao tác …',
  kinds: {
    execution: 'Lượt chạy',
    page: 'Các trang',
    view: 'Khung nhìn đã lưu',
    workflow: 'Quy trình',
    action: 'Thao tác',
  },
  language: (name) => `Ngôn ngữ: ${name}`,
  zone: (name) => `Múi giờ: ${name}`,
  search: (text) => `Tìm lượt chạy: tên quy trình chứa “${text}”`,
}
